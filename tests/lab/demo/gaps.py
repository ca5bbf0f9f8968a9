# SPDX-License-Identifier: MIT
"""From the client loop's file to gaps: what clients of the VIP saw of a fault.

vipload sends a login and a query every 10 ms and writes one line for each. A request is good when
it was answered within its limit. An *outage* is a run of requests that failed, together with the
good ones inside it when those last less than MERGE_NS (a few lucky answers between failures do not
end an outage). Its *gap* is measured at the sending side, from the last good request before the
first failure to the first good request after the last failure: what a client that asks all the time
would call the interruption. The loop's period, 10 ms, is the resolution.

Pure: no clock, no lab; tested by test_gaps.py.
"""

from dataclasses import dataclass, field
from statistics import median
from typing import Iterable, List, NamedTuple, Optional

MERGE_NS = 100_000_000
PERIOD_NS = 10_000_000  # vipload's: the resolution of every gap
LIMIT_NS = 250_000_000  # vipload's limit for one request


class Request(NamedTuple):
    sent_ns: int
    done_ns: int
    good: bool
    text: str  # who answered, or why there was no answer


@dataclass
class Trace:
    requests: List[Request] = field(default_factory=list)  # in the order of sending
    late: List[tuple] = field(default_factory=list)  # (now_ns, requests the loop came too late for)


class Outage(NamedTuple):
    last_good: Optional[Request]  # None: the trace begins inside the outage
    first_bad: Request
    last_bad: Request
    first_good: Optional[Request]  # None: the trace ends inside the outage
    failed: int

    @property
    def gap_ms(self) -> Optional[float]:
        """None when an end of the outage was not seen."""
        if self.last_good is None or self.first_good is None:
            return None
        return (self.first_good.sent_ns - self.last_good.sent_ns) / 1e6


def parse(lines: Iterable[str]) -> Trace:
    """Reads vipload's lines; the last one may be half written while the loop runs."""
    trace = Trace()
    for line in lines:
        if not line.endswith("\n"):
            break
        words = line.rstrip("\n").split("\t")
        if line.startswith("# skipped "):
            _, _, count, now = line.split()
            trace.late.append((int(now), int(count)))
        elif not line.startswith("#"):
            sent, done, verdict, text = words
            if verdict not in ("ok", "fail"):
                raise ValueError(f"not a line of vipload: {line!r}")
            trace.requests.append(Request(int(sent), int(done), verdict == "ok", text))
    trace.requests.sort()
    return trace


def read(path: str) -> Trace:
    with open(path, encoding="utf-8", errors="replace") as file:
        return parse(file)


def outages(requests: List[Request], merge_ns: int = MERGE_NS) -> List[Outage]:
    """The outages in @requests, which are in the order of sending."""
    found: List[Outage] = []
    last_good = None
    run: List[Request] = []  # failures of the outage that is open
    good_since = None  # first good request after its last failure

    def close(first_good):
        found.append(Outage(before, run[0], run[-1], first_good, len(run)))

    before = None
    for request in requests:
        if request.good:
            if run and good_since is None:
                good_since = request
            last_good = request
            continue
        if run and good_since is not None and request.sent_ns - good_since.sent_ns > merge_ns:
            close(good_since)
            run = []
        if not run:
            before = last_good
        run.append(request)
        good_since = None
    if run:
        close(good_since)
    return found


def within(trace: Trace, since_ns: int, until_ns: int) -> List[Request]:
    """Requests sent in the window, and those in flight when it opened."""
    return [r for r in trace.requests if since_ns - LIMIT_NS <= r.sent_ns <= until_ns
            and r.done_ns >= since_ns]


def outages_within(trace: Trace, since_ns: int, until_ns: int) -> List[Outage]:
    """Outages of which a failure falls into the window."""
    return [o for o in outages(trace.requests)
            if o.last_bad.done_ns >= since_ns and o.first_bad.sent_ns <= until_ns]


def handover_ms(requests: List[Request], since_ns: int, after: str) -> Optional[float]:
    """When a move after @since_ns cost no request: from the last good request that another host
    answered to the first one that @after answered from then on. It is never less than one period, so that a move never looks
    better than the loop can see."""
    good = [request for request in requests if request.good]
    for old, new in zip(good, good[1:]):
        if old.text != after and new.text == after and new.done_ns >= since_ns:
            return (new.sent_ns - old.sent_ns) / 1e6
    return None


def widest_ms(requests: List[Request]) -> float:
    """The longest time between two good requests sent one after the other: about 10 when all is
    well, more when the loop itself was held up."""
    good = [r.sent_ns for r in requests if r.good]
    return max(((b - a) / 1e6 for a, b in zip(good, good[1:])), default=0.0)


def spread(values: Iterable[float]) -> dict:
    """n, min, median, max, as reports have them; one decimal, because the resolution is 10 ms."""
    values = list(values)
    if not values:
        return {"n": 0, "min": None, "median": None, "max": None}
    return {"n": len(values), "min": round(min(values), 1), "median": round(median(values), 1),
            "max": round(max(values), 1)}
