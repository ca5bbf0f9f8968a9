# SPDX-License-Identifier: MIT
"""python3 -m bench: measures zonevip, its peers and the floor in one run. See --help."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from typing import Callable, Dict, List

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
MANY_TABLES = 64
# Tables that belong to no subnet exist only in the lab of the measure that wants them.
if "--tables-lab" in sys.argv:
    os.environ["ZONEVIP_LAB_TABLES"] = str(MANY_TABLES)

from demo.__main__ import facts  # noqa: E402
from vpc import Lab, LabError  # noqa: E402

from . import failover, floor, footprint, others, plots, report  # noqa: E402
from .subjects import SUBJECTS, clean  # noqa: E402

COUNTS = (1, 16, 64, 255)
UNITS = {"pss": "kB", "rss": "kB", "uss": "kB", "private_dirty": "kB", "cpu_s_per_min": "s/min", "threads": "", "fds": "",
         "bytes_per_s": "B/s"}


class Bench:
    def __init__(self, words: argparse.Namespace) -> None:
        self.words = words
        self.rows: List[dict] = []
        self.failures: List[str] = []

    def add(self, measure: str, subject: str, unit: str, values: List, **params: object) -> None:
        self.rows.append(report.row(measure, subject, unit, values, **params))

    def guarded(self, what: str, act: Callable[[], None]) -> None:
        """A measure that fails is told of and does not take the others with it."""
        began = time.monotonic()
        try:
            act()
        except (LabError, OSError, subprocess.SubprocessError) as error:
            self.failures.append(f"{what}: {error}")
            print(f"bench: {what} failed: {error}", file=sys.stderr, flush=True)
        print(f"bench: {what}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    def lab(self, act: Callable[[Lab], None]) -> None:
        """A lab of its own for each measure: its logs stay short."""
        with Lab(bindir=self.words.build) as lab:
            os.mkdir(os.path.join(lab.dir, "bench"), 0o700)
            act(lab)

    # --- the measures -------------------------------------------------------------------------------

    def failover(self, lab: Lab) -> None:
        work = os.path.join(lab.dir, "bench")
        parts = floor.Floor(lab, work, os.path.join(self.words.build, "floor"))
        clients = failover.Clients(lab, work, os.path.join(self.words.build, "vipload"))
        seen: Dict[tuple, List] = {}
        for number in range(self.words.runs):
            self.guarded(f"floor, round {number + 1}", lambda: self._floor(lab, parts, seen))
            for name in self.words.subjects:
                self.guarded(f"{name}, round {number + 1}", lambda name=name: self._faults(lab, name, clients, seen))
        for (measure, subject), values in sorted(seen.items()):
            self.add(measure, subject, "ms", values)

    @staticmethod
    def _floor(lab: Lab, parts: floor.Floor, seen: Dict[tuple, List]) -> None:
        clean(lab)
        for part, values in parts.round().items():
            seen.setdefault((f"floor.{part}", "floor"), []).extend(values)

    def _faults(self, lab: Lab, name: str, clients: failover.Clients, seen: Dict[tuple, List]) -> None:
        subject = SUBJECTS[name](lab)
        try:
            subject.start()
            for fault in subject.faults:
                if self.words.faults and fault not in self.words.faults:
                    continue
                for stage, took in failover.measure(subject, fault, clients).items():
                    if took is not None or stage != "notify" or name != "aws-vpc-move-ip":
                        seen.setdefault((f"{fault}.{stage}", name), []).append(took)
        finally:
            subject.stop()

    def footprint(self, lab: Lab) -> None:
        names = [name for name in self.words.subjects if name != "aws-vpc-move-ip"]
        self._cost("floor", 0, {"loop": footprint.bare_loop(lab, os.path.join(self.words.build, "floor"))})
        for count in self.words.instances:
            for name in names:
                self.guarded(f"footprint of {name} with {count}",
                             lambda: self._cost(name, count, footprint.measure(lab, name, count)))

    def _cost(self, subject: str, count: int, by_role: Dict[str, Dict[str, float]]) -> None:
        for role, figures in by_role.items():
            for name, value in figures.items():
                self.add(f"footprint.{name}", subject, UNITS.get(name, "/s"), [value], instances=count, role=role)

    def storm(self, lab: Lab) -> None:
        found = [footprint.storm(lab) for _ in range(min(self.words.runs, 3))]
        self.add("storm.first", "zonevip", "ms", [one["first"] for one in found], instances=255)
        self.add("storm.span", "zonevip", "ms", [one["last"] - one["first"] for one in found], instances=255)

    def tables(self, lab: Lab) -> None:
        for one in others.tables(lab, min(self.words.runs, 5)):
            self.add("tables.accepted", "zonevip", "ms", one["values"], **one["params"])

    def status(self, lab: Lab) -> None:
        found = others.status(lab, os.path.join(lab.dir, "bench"), 10.0)
        for name, value in found.items():
            self.add(f"status.{name}", "zonevip", "/s" if name == "per_s" else "ms", [value])

    def start(self, lab: Lab) -> None:
        for count in (1, 255):
            for name, values in others.starting(lab, count, min(self.words.runs, 5)).items():
                self.add(f"start.{name}", "zonevip", "ms", values, instances=count)

    def calm(self, lab: Lab) -> None:
        for one in others.calm(lab, self.words.minutes):
            self.add("false_takeovers", "zonevip", "", one["values"], **one["params"])

    def calls(self, lab: Lab) -> None:
        for one in others.calls(lab, 60.0):
            self.add("calls_per_hour", "zonevip", "", one["values"], **one["params"])


MEASURES = {"failover": Bench.failover, "footprint": Bench.footprint, "storm": Bench.storm, "tables": Bench.tables,
            "status": Bench.status, "start": Bench.start, "calm": Bench.calm, "calls": Bench.calls}


def names(text: str) -> List[str]:
    return [word for word in text.split(",") if word]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=(
        "Measures zonevip, keepalived, aws-vpc-move-ip and the floor under them in network namespaces, one after the "
        "other in every round. Leaves bench-report.json and pictures. What is measured: doc/performance.md."))
    parser.add_argument("measures", nargs="*", metavar="MEASURE",
                        help=f"of {', '.join(MEASURES)}; default: all (two hours with the default of --minutes)")
    parser.add_argument("--only", type=names, default=[], metavar="A,B", help="the same, as a list")
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="rounds of fail-overs (default %(default)s)")
    parser.add_argument("--subjects", type=names, default=list(SUBJECTS), metavar="A,B",
                        help=f"of {', '.join(SUBJECTS)}; default: all")
    parser.add_argument("--faults", type=names, default=[], metavar="A,B", help="fail-overs by these faults alone")
    parser.add_argument("--instances", type=lambda text: [int(word) for word in names(text)], default=list(COUNTS),
                        metavar="N,M", help="footprints with so many (default 1,16,64,255)")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M",
                        help="each condition of calm lasts so long (default %(default)s)")
    parser.add_argument("--out", default=".", metavar="DIR", help="where report and pictures go (default: here)")
    parser.add_argument("--build", default=os.path.join(TOP, "build"), metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--tables-lab", action="store_true", help=argparse.SUPPRESS)
    words = parser.parse_args()
    words.measures += words.only
    for wrong in [name for name in words.measures if name not in MEASURES]:
        parser.error(f"no measure '{wrong}'; there are {', '.join(MEASURES)}")
    for wrong in [name for name in words.subjects if name not in SUBJECTS]:
        parser.error(f"no subject '{wrong}'; there are {', '.join(SUBJECTS)}")
    words.measures = words.measures or list(MEASURES)
    return words


def tables_apart(bench: Bench) -> None:
    """The lab with many tables is another process: what a lab consists of is fixed when it is imported."""
    words = bench.words
    out = os.path.join(words.out, ".bench-tables")
    os.makedirs(out, exist_ok=True)
    subprocess.run([sys.executable, "-B", "-m", "bench", "tables", "--tables-lab", "--runs", str(words.runs),
                    "--build", words.build, "--out", out], check=True, stdout=subprocess.DEVNULL)
    path = os.path.join(out, "bench-report.json")
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    bench.rows += found["rows"]
    bench.failures += found["failures"]
    for name in os.listdir(out):
        os.unlink(os.path.join(out, name))
    os.rmdir(out)


def leave(bench: Bench, about: dict) -> None:
    found = report.bounds(bench.rows)
    print(report.table(bench.rows, found))
    for failure in bench.failures:
        print(f"not measured: {failure}")
    with open(os.path.join(bench.words.out, "bench-report.json"), "w", encoding="utf-8") as file:
        json.dump({"version": report.VERSION, **about, "load_at_end": os.getloadavg(), "rows": bench.rows,
                   "bounds": found, "failures": bench.failures}, file, indent=1)
        file.write("\n")
    pictures = {"failover": ("from the fault until ... (ms)", "ms", lambda name: name.endswith(
                    (".route_accepted", ".alias", ".client")) or name.startswith("floor.")),
                "cpu": ("CPU seconds in a minute, idle, by instances and role", "s", "footprint.cpu_s_per_min".__eq__),
                "memory": ("private dirty memory (kB), idle", "kB", "footprint.private_dirty".__eq__),
                "tables": ("switchover until the last table is accepted (ms), by tables and latency", "ms",
                           "tables.accepted".__eq__)}
    for name, (title, unit, wanted) in pictures.items():
        rows = [one for one in bench.rows if wanted(one["measure"])]
        if rows:
            with open(os.path.join(bench.words.out, f"bench-{name}.svg"), "w", encoding="utf-8") as file:
                file.write(plots.spreads(rows, f"zonevip {about['commit'][:12]}: {title}", unit))


def main() -> int:
    words = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    about = {**facts(), "load_at_start": os.getloadavg(), "runs": words.runs}
    bench = Bench(words)
    try:
        for name in words.measures:
            if name == "tables" and not words.tables_lab:
                bench.guarded(name, lambda: tables_apart(bench))
            else:
                bench.guarded(name, lambda name=name: bench.lab(lambda lab: MEASURES[name](bench, lab)))
    finally:
        leave(bench, about)
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
