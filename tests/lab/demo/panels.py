# SPDX-License-Identifier: MIT
"""From what the lab recorded of one run to a panel of the timeline picture."""

from typing import List, Tuple

from vpc import DB_HOSTS, VIP
from vpc.layout import PARAMETER, ROUTE_TABLES

from .gaps import Outage
from .report import Step
from .stage import Stage
from .timeline import Lane, Mark, Panel, bands

MS = 1_000_000
PROCESS_WORDS = {"started": "INIT", "exited": "down"}


def window(since: int, until: int, outages: List[Outage]) -> Tuple[int, int]:
    """The stretch of time that is drawn: the gap in the middle third, and all of a quiet run."""
    ends = [o.first_good.sent_ns for o in outages if o.first_good]
    if not ends:
        return since - 500 * MS, until
    gap = max(max(ends) - since, 0)
    return since - max(gap // 3, 100 * MS), min(until, since + max(2 * gap, gap + 250 * MS))


def state_changes(stage: Stage, host: str) -> List[Tuple[int, str]]:
    changes = [(change.at_ns, change.new) for change in stage.watch.followers[host].changes]
    changes += [(event["t_ns"], PROCESS_WORDS[event["what"]])
                for event in stage.lab.history(event="process", host=host)
                if event["service"] == "zonevipd" and event["what"] in PROCESS_WORDS]
    return sorted(changes)


def route_changes(stage: Stage, table: str) -> List[Tuple[int, str]]:
    return [(event["t_ns"], event["target"] or "") for event in stage.lab.history(event="route")
            if event["table"] == table and event["destination"] == f"{VIP}/32"]


def parameter_changes(stage: Stage) -> List[Tuple[int, str]]:
    return [(call["t_executed_ns"], call["params"]["Value"]) for call in stage.puts(0)]


def panel(stage: Stage, step: Step, since: int, until: int, mark: str, outages: List[Outage]) -> Panel:
    begin, end = window(since, until, outages)
    lanes = [Lane(host, bands(state_changes(stage, host), begin, end)) for host in DB_HOSTS]
    lanes += [Lane(f"{table.name} route", bands(route_changes(stage, table.id), begin, end))
              for table in ROUTE_TABLES]
    lanes.append(Lane(PARAMETER, bands(parameter_changes(stage), begin, end)))
    seen = [o for o in outages if o.last_good and o.first_good]
    gap = max(seen, key=lambda o: o.gap_ms, default=None)
    told = f"gap {gap.gap_ms:.0f} ms" if gap else "no request failed"
    return Panel(title=f"({step.id}) {step.name}: {told}", zero_ns=since, since_ns=begin, until_ns=end,
                 lanes=lanes, requests=stage.trace().requests,
                 gap=(gap.last_good.sent_ns, gap.first_good.sent_ns) if gap else None,
                 marks=[Mark(since, mark)])
