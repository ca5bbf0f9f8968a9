# SPDX-License-Identifier: MIT
"""Rows become a table, ratios, and the bounds of the performance issue; pure, tested by test_report.py."""

from statistics import median
from typing import Dict, Iterable, List, Optional

VERSION = 1


def row(measure: str, subject: str, unit: str, values: Iterable[Optional[float]], **params: object) -> Dict:
    """One line of the report; a value that is None was not seen and is counted as lost."""
    values = list(values)
    seen = [value for value in values if value is not None]
    spread = {"min": round(min(seen), 4), "median": round(median(seen), 4), "max": round(max(seen), 4)} if seen else \
        {"min": None, "median": None, "max": None}
    return {"measure": measure, "subject": subject, "params": params, "unit": unit, "n": len(seen),
            "lost": len(values) - len(seen), **spread}


def find(rows: List[Dict], measure: str, subject: str, **params: object) -> Optional[float]:
    """The median of that row, or None."""
    return next((one["median"] for one in rows if one["measure"] == measure and one["subject"] == subject
                 and all(one["params"].get(name) == value for name, value in params.items())), None)


def floor_of(rows: List[Dict], fault: str) -> Optional[float]:
    """What the parts of that fail-over cost alone: the end of the session, one datagram, one address, one call."""
    parts = ["udp", "address", "route_accepted"]
    parts += {"mysqld_term": ["eof_term"], "mysqld_kill9": ["eof_kill9"]}.get(fault, [])
    found = [find(rows, f"floor.{part}", "floor") for part in parts]
    return None if None in found else sum(found)


class Bounds:
    def __init__(self, rows: List[Dict]) -> None:
        self.rows = rows
        self.found: List[Dict] = []

    def judge(self, name: str, value: Optional[float], most: Optional[float], unit: str = "ms") -> None:
        """At most so much; without both figures nothing is said."""
        if value is not None and most is not None:
            self.found.append({"bound": name, "value": round(value, 3), "most": round(most, 3), "unit": unit,
                               "held": value <= most})

    def ratio(self, name: str, ours: Optional[float], theirs: Optional[float], least: float) -> None:
        if ours and theirs:
            self.found.append({"bound": name, "value": round(theirs / ours, 1), "least": least, "unit": "times",
                               "held": theirs / ours >= least})


def bounds(rows: List[Dict]) -> List[Dict]:
    judge = Bounds(rows)
    for fault in ("mysqld_term", "mysqld_kill9", "agent_term", "switchover"):
        floor = floor_of(rows, fault)
        measure = f"{fault}.route_accepted"
        ours = find(rows, measure, "zonevip")
        judge.judge(f"{measure} <= floor x 1.5 + 3 ms", ours, None if floor is None else floor * 1.5 + 3)
        if fault.startswith("mysqld"):
            judge.ratio(f"{measure}: keepalived's default >= 20 x", ours, find(rows, measure, "keepalived"), 20)
            judge.ratio(f"{fault}: keepalived's address alone >= 20 x", ours, find(rows, f"{fault}.alias", "keepalived"),
                        20)
            judge.ratio(f"{measure}: aws-vpc-move-ip >= 200 x", ours, find(rows, measure, "aws-vpc-move-ip"), 200)
    one = find(rows, "tables.accepted", "zonevip", tables=1, latency_ms=50)
    judge.judge("64 tables at 50 ms <= 1.5 x one", find(rows, "tables.accepted", "zonevip", tables=64, latency_ms=50),
                one and one * 1.5)
    judge.judge("255 instances: packets per peer and interval",
                _tenth(find(rows, "footprint.packets_per_s", "zonevip", instances=255, role="master")), 8, "")
    for role in ("master", "backup"):
        judge.judge(f"255 instances: CPU as {role} <= keepalived's",
                    find(rows, "footprint.cpu_s_per_min", "zonevip", instances=255, role=role),
                    find(rows, "footprint.cpu_s_per_min", "keepalived", instances=255, role=role), "s/min")
        first = find(rows, "footprint.private_dirty", "zonevip", instances=1, role=role)
        many = find(rows, "footprint.private_dirty", "zonevip", instances=255, role=role)
        judge.judge(f"memory of a further instance as {role}", (many - first) / 254 if first and many else None, 4, "kB")
        for name, most, unit in (("private_dirty", 3584, "kB"), ("pss", 7680, "kB"), ("syscalls_per_s", 100, "/s"),
                                 ("cpu_s_per_min", 0.12, "s/min")):
            judge.judge(f"one instance as {role}: {name}",
                        find(rows, f"footprint.{name}", "zonevip", instances=1, role=role), most, unit)
    judge.judge("255 addresses: first to last alias", find(rows, "storm.span", "zonevip"), 150)
    judge.judge("status.p99", find(rows, "status.p99", "zonevip"), 5)
    judge.judge("heartbeat jitter p99 meanwhile", find(rows, "status.jitter_p99", "zonevip"), 20)
    for one in rows:
        if one["measure"] == "false_takeovers" and one["params"].get("loss_percent", 0) <= 20:
            judge.judge(f"false takeovers {one['params']}", one["max"], 0, "")
    return judge.found


def _tenth(value: Optional[float]) -> Optional[float]:
    return None if value is None else value / 10


def table(rows: List[Dict], found: List[Dict]) -> str:
    lines = [f"{'measure':<34} {'subject':<17} {'n':>3} {'min':>10} {'median':>10} {'max':>10} {'unit':<6} params"]
    for one in rows:
        figures = ["-" if one[word] is None else f"{one[word]:.3f}" for word in ("min", "median", "max")]
        params = " ".join(f"{name}={value}" for name, value in one["params"].items())
        lines.append(f"{one['measure']:<34} {one['subject']:<17} {one['n']:>3} {figures[0]:>10} {figures[1]:>10} "
                     f"{figures[2]:>10} {one['unit']:<6} {params}".rstrip())
    if found:
        lines += ["", f"{'bound':<62} {'measured':>10} {'bound':>10} {'unit':<6} held"]
    for one in found:
        limit = one["most"] if "most" in one else one["least"]
        lines.append(f"{one['bound']:<62} {one['value']:>10} {limit:>10} {one['unit']:<6} {'yes' if one['held'] else 'NO'}")
    return "\n".join(lines) + "\n"
