# SPDX-License-Identifier: MIT
"""What a fault led to, seen from outside: the endpoint's log, the kernel's events, the clients' answers.

All times are milliseconds from the moment of the fault.
"""

import os
from typing import Dict, Optional

from vpc import TABLES, VIP, Lab, now_ns

from demo import gaps

from .subjects import Subject

WRITES = ("ReplaceRoute", "CreateRoute")


class Sight:
    def __init__(self, lab: Lab, trace_path: str) -> None:
        self.lab = lab
        self.trace_path = trace_path

    def moved(self, winner: str) -> bool:
        return set(self.lab.routes().values()) == {winner} and winner in self.lab.holders()

    def route_accepted(self, since: int, tables: int = len(TABLES)) -> Optional[int]:
        """When the endpoint had carried out the last of the first writes of each table."""
        first: Dict[tuple, int] = {}
        for line in self.lab.log(since=since):
            if line["action"] in WRITES and line["executed"]:
                key = (line["params"]["RouteTableId"], line["params"]["DestinationCidrBlock"])
                first.setdefault(key, line["t_executed_ns"])
        return max(first.values()) if len(first) >= tables else None

    def alias(self, winner: str, since: int) -> Optional[int]:
        return next((line["t_ns"] for line in self.lab.history(since=since, event="address", host=winner)
                     if line["address"] == VIP and line["present"]), None)

    def client(self, winner: str, since: int) -> Optional[int]:
        """The first good answer that the new host gave."""
        done = [request.done_ns for request in gaps.read(self.trace_path).requests
                if request.good and request.text == winner and request.done_ns >= since]
        return min(done, default=None)

    def client_goes(self, winner: str) -> bool:
        """Clients are being answered by it now."""
        recent = now_ns() - 300_000_000
        return os.path.exists(self.trace_path) and any(
            request.good and request.text == winner and request.done_ns > recent
            for request in gaps.read(self.trace_path).requests[-200:])

    def stages(self, subject: Subject, winner: str, since: int) -> Dict[str, Optional[float]]:
        seen = {"route_accepted": self.route_accepted(since), "alias": self.alias(winner, since),
                "notify": subject.notified(winner, since) or None, "client": self.client(winner, since)}
        return {stage: None if at is None else (at - since) / 1e6 for stage, at in seen.items()}
