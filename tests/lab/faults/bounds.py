# SPDX-License-Identifier: MIT
"""What a row of the matrix allows, and the decorator that says so of a test."""

import os
from dataclasses import dataclass

MARGIN_S = float(os.environ.get("ZONEVIP_FAULTS_MARGIN_S", "3"))  # see conftest.py
D_S, G_S, T_ACT_S = 1.0, 4.0, 0.7  # of the profile safe; alias, routes and parameter
T_SILENT_S = D_S + G_S + T_ACT_S
REFUSED_S, HUNG_S = 1.6, 3.2  # a database that refuses, one that hangs: until it is called failed
LEAVE_S = 0.9  # from there until the other serves
TWO_TABLES = 2  # one write each
VERIFY_S = 5.0 + 1.0 + T_ACT_S  # the owner's look at its routes, another one, the repair
STALE_S = 10.0  # for so long a read that contradicts our own write is not believed
NOBODY = 3600.0  # nobody can or may be master in this row, or until an operator acts


@dataclass(frozen=True)
class Bounds:
    number: int
    out: float = 0.0  # seconds
    dual: float = 0.0
    mis: float | None = None  # None: as long as nobody is master
    writes: int = 0  # route writes at most

    def words(self) -> dict:
        mis = self.out if self.mis is None else self.mis
        return {"out": self.out, "dual": self.dual, "mis": mis, "writes": self.writes}

    def broken(self, found: dict, margin_s: float) -> list[str]:
        """Sentences; the margin goes to what may take time at all."""
        said, allowed = [], self.words()
        for name in ("out", "dual", "mis"):
            bound = allowed[name]
            if found[name] > (bound + margin_s if bound else 0):
                said.append(f"{name.upper()} {found[name]:.3f} s, bound {bound:g} s")
        if found["writes"] > allowed["writes"]:
            said.append(f"RW {found['writes']}, bound {allowed['writes']}")
        return said


def row(number: int, **bounds: float):
    def mark(test):
        test.row = Bounds(number, **bounds)
        return test
    return mark


def lasting(seconds: float) -> float:
    """How long a fault lasts that the contract wants for so long: scripts/faults plays it once whole, then a tenth of it."""
    if os.environ.get("ZONEVIP_FAULTS_FULL"):
        return seconds
    return seconds / 10 if os.environ.get("ZONEVIP_LONG") else min(seconds / 10, 5.0)
