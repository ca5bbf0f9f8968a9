# SPDX-License-Identifier: MIT
"""What the demo leaves behind: a judgement of each step against its bar, a table, a JSON file.

Pure but for write(); tested by test_report.py. The form of the JSON file is fixed by version 1:
fields may be added, none changes its meaning.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Dict, List, Optional

from .gaps import spread

VERSION = 1
LATE_MAX = 3  # so many requests that the client loop came too late for spoil a run: 30 ms
DISTURBED_MORE = 3


@dataclass
class Run:
    """One fault, once: what was seen, and every promise that it broke."""

    owner_before: str
    owner_after: str
    route_writes: int
    failed: int = 0  # requests of the client loop that were not answered in time
    gap_ms: Optional[float] = 0.0  # None: clients had no service again before the run ended
    heartbeat_late_ms: Optional[float] = None  # the worst of both hosts, where it was measured
    late: int = 0  # requests for which the client loop itself came too late: the machine stood still
    broken: List[str] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Decided by how late the client loop was, on which no agent has an influence, and not by
        what came of the run."""
        return self.late < LATE_MAX


@dataclass(frozen=True)
class Bar:
    """How long clients may be without service; one of the two is set."""

    median_ms: Optional[float] = None
    max_ms: Optional[float] = None

    def __str__(self) -> str:
        if self.max_ms == 0:
            return "no gap"
        if self.median_ms is not None:
            return f"median <= {self.median_ms:g}"
        return f"max <= {self.max_ms:g}"


@dataclass
class Step:
    id: str
    name: str
    bar: Optional[Bar]  # None: clients are not measured in this step
    wanted: int = 1
    runs: List[Run] = field(default_factory=list)
    disturbed: List[Run] = field(default_factory=list)  # the machine stood still: they say nothing

    def book(self, run: Run) -> bool:
        """Whether the run counts."""
        (self.runs if run.counts else self.disturbed).append(run)
        return run.counts

    @property
    def wants(self) -> bool:
        """Is another run needed, and is there still hope for one?"""
        return len(self.runs) < self.wanted and len(self.disturbed) < self.wanted + DISTURBED_MORE

    @property
    def gap(self) -> Dict:
        return spread(run.gap_ms for run in self.runs if run.gap_ms is not None and self.bar)

    @property
    def broken(self) -> List[str]:
        """Why the step did not hold; empty when it held."""
        found = [f"run {n}: {why}" for n, run in enumerate(self.runs, 1) for why in run.broken]
        for n, run in enumerate(self.runs, 1):
            if run.gap_ms is None:
                found.append(f"run {n}: clients had no service again before the run ended")
        if len(self.runs) < self.wanted:
            found.append(f"{len(self.runs)} of {self.wanted} runs count; {len(self.disturbed)} were disturbed because "
                         "this machine stood still meanwhile")
        gap = self.gap
        if gap["n"] and self.bar.median_ms is not None and gap["median"] > self.bar.median_ms:
            found.append(f"median gap {gap['median']} ms is above {self.bar.median_ms:g} ms")
        if gap["n"] and self.bar.max_ms is not None and gap["max"] > self.bar.max_ms:
            found.append(f"longest gap {gap['max']} ms is above {self.bar.max_ms:g} ms")
        return found

    @property
    def ok(self) -> bool:
        return not self.broken

    def as_dict(self) -> Dict:
        first = self.runs[0] if self.runs else Run("", "", 0)
        beats = [run.heartbeat_late_ms for run in self.runs if run.heartbeat_late_ms is not None]
        return {"id": self.id, "name": self.name, "ok": self.ok, "bar": str(self.bar or ""), "gap_ms": self.gap,
                "owner_before": first.owner_before, "owner_after": first.owner_after,
                "route_writes": first.route_writes, "broken": self.broken,
                **({"heartbeat_late_ms": spread(beats)} if beats else {}),
                "runs": [asdict(run) for run in self.runs],
                "disturbed": [asdict(run) for run in self.disturbed]}


def table(steps: List[Step]) -> str:
    """The last thing the demo prints."""
    head = (f"{'step':<54} {'n':>2}  {'gap seen by clients, ms':^25}  {'bar':<14} {'route':>6}  held\n"
            f"{'':<54} {'':>2}  {'min':>7} {'median':>8} {'max':>8}  {'':<14} {'writes':>6}\n")
    rows = []
    for step in steps:
        gap = step.gap
        figures = [("-" if gap[word] is None else f"{gap[word]:.1f}") for word in ("min", "median", "max")]
        writes = step.runs[0].route_writes if step.runs else 0
        rows.append(f"{'(' + step.id + ') ' + step.name:<54} {len(step.runs):>2}  {figures[0]:>7} "
                    f"{figures[1]:>8} {figures[2]:>8}  {str(step.bar or ''):<14} {writes:>6}  "
                    f"{'yes' if step.ok else 'NO'}\n")
    return head + "-" * (len(head.splitlines()[0])) + "\n" + "".join(rows)


def document(steps: List[Step], facts: Dict) -> Dict:
    """@facts: commit, when, host and what else the reader should know of the run."""
    return {"version": VERSION, **facts, "ok": all(step.ok for step in steps),
            "steps": [step.as_dict() for step in steps]}


def write(path: str, contents: Dict) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(contents, file, indent=1)
        file.write("\n")
