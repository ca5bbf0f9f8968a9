# SPDX-License-Identifier: MIT
"""From what witnesses wrote down to four figures: OUT, DUAL, MIS and RW of a stretch of time.

The witnesses are the kernels of the hosts and of the router (history.jsonl), the supervisors
(processes, in the same file) and the endpoint (api.jsonl). Nothing here asks a daemon for its opinion.

A host is **master** when it carries the address, every route table names it and, where there is one,
the parameter names it. Then, of the time between since and until:

OUT   nobody is master
DUAL  the address is on two hosts, while the daemons of both run (not ended, not stopped, not frozen)
MIS   a route leads to a host without the address, or to one whose database has failed
RW    calls that write the route, as the endpoint received them

Pure: no clock, no lab, no file; tested by test_history.py. Times are nanoseconds.
"""

from dataclasses import dataclass, field
from typing import Iterable, Iterator, NamedTuple

ROUTE_WRITES = ("ReplaceRoute", "CreateRoute")
DAEMONS = ("zonevipd", "keepalived")
# Two kernels' events are told apart by the one recorder that reads both: below this it cannot.
STAMP_ERROR_NS = 2_000_000


class Event(NamedTuple):
    """kind: what value is

    address   host: does it carry a copy of the address, and which: (copy, present)
    route     None: (table, host or None)
    owner     None: the host that the parameter names, or None
    daemon    host: runs
    database  host: answers
    still     host: (service, stands still)
    write     host: a call that writes a route
    """

    t_ns: int
    kind: str
    host: str | None
    value: object


@dataclass
class Figures:
    out_ns: int = 0
    dual_ns: int = 0
    mis_ns: int = 0
    writes: int = 0
    last_ns: int = 0  # from since to the last moment at which any of the three was not zero

    @property
    def seconds(self) -> dict[str, float]:
        dual = 0 if self.dual_ns < STAMP_ERROR_NS else self.dual_ns
        return {"out": self.out_ns / 1e9, "dual": dual / 1e9, "mis": self.mis_ns / 1e9}


# --- what the files say, as events -----------------------------------------------------------------


def events(history: Iterable[dict], calls: Iterable[dict], vip: str, parameter: str) -> list[Event]:
    """Lines of both files, in any order, as events in the order in which they happened.

    Lines under one stamp keep their order: what lies between them has no length.
    """
    found = [event for line in history for event in _of_history(line, vip, parameter)]
    found += [event for line in calls for event in _of_call(line, vip, parameter)]
    return sorted(found, key=lambda event: event.t_ns)


def _of_history(line: dict, vip: str, parameter: str) -> Iterator[Event]:
    t_ns, kind, host = line["t_ns"], line["event"], line["host"]
    if kind == "address" and line["address"] == vip:
        yield Event(t_ns, "address", host, ((line["prefix"], line["dev"], line["label"]), line["present"]))
    elif kind == "route" and line["destination"] == vip + "/32":
        yield Event(t_ns, "route", None, (line["table"], line["target"]))
    elif kind == "process":
        yield from _of_process(line)
    elif kind == "fault":
        yield from _of_fault(line, parameter)


def _of_process(line: dict) -> Iterator[Event]:
    """A daemon runs from its start; a database answers when it says so and until it is told to stop."""
    service, what = line["service"], line["what"]
    if service in DAEMONS and what in ("started", "exited"):
        yield Event(line["t_ns"], "daemon", line["host"], what == "started")
    elif service == "mysqld" and what in ("ready", "stopping", "exited"):
        yield Event(line["t_ns"], "database", line["host"], what == "ready")
    if what == "exited":  # whatever held it, it holds it no longer
        yield Event(line["t_ns"], "still", line["host"], (service, False))


def _of_fault(line: dict, parameter: str) -> Iterator[Event]:
    t_ns, what, words = line["t_ns"], line["what"], line["arguments"]
    if what == "signal" and words["signal"] in ("STOP", "CONT"):
        yield Event(t_ns, "still", words["host"], (words["service"], words["signal"] == "STOP"))
    elif what == "freeze":
        for service in words["services"]:
            yield Event(t_ns, "still", words["host"], (service, True))
    elif what == "thaw":
        yield Event(t_ns, "still", words["host"], ("*", False))
    elif what == "heal":
        yield Event(t_ns, "still", None, ("*", False))
    elif what == "set-parameter" and words["name"] == parameter:
        yield Event(t_ns, "owner", None, words["value"])


def _of_call(line: dict, vip: str, parameter: str) -> Iterator[Event]:
    action, words = line["action"], line["params"]
    if action in ROUTE_WRITES and words.get("DestinationCidrBlock") == vip + "/32" and not words.get("DryRun", False):
        yield Event(line["t_ns"], "write", line["host"], action)
    elif action == "PutParameter" and words.get("Name") == parameter and line["executed"]:
        yield Event(line["t_executed_ns"], "owner", None, words["Value"])


# --- what was true between two events --------------------------------------------------------------


@dataclass
class World:
    hosts: tuple[str, ...]
    tables: tuple[str, ...]
    with_parameter: bool = True
    copies: dict[str, set] = field(default_factory=dict)
    routes: dict[str, str | None] = field(default_factory=dict)
    owner: str | None = None
    daemons: dict[str, bool] = field(default_factory=dict)
    databases: dict[str, bool] = field(default_factory=dict)
    still: set[tuple[str, str]] = field(default_factory=set)  # host, service

    def take(self, event: Event) -> None:
        host, value = event.host, event.value
        if event.kind == "address":
            copies = self.copies.setdefault(host, set())
            (copies.add if value[1] else copies.discard)(value[0])
        elif event.kind == "route":
            self.routes[value[0]] = value[1]
        elif event.kind == "owner":
            self.owner = value
        elif event.kind == "daemon":
            self.daemons[host] = value
        elif event.kind == "database":
            self.databases[host] = value
        elif event.kind == "still":
            self._move(host, *value)

    def _move(self, host: str | None, service: str, still: bool) -> None:
        if still:
            self.still.add((host, service))
        else:
            self.still = {(a, b) for a, b in self.still if host not in (None, a) or service not in ("*", b)}

    def carries(self, host: str | None) -> bool:
        return bool(self.copies.get(host))

    def _runs(self, host: str) -> bool:
        return self.daemons.get(host, False) and not any((host, daemon) in self.still for daemon in DAEMONS)

    def _answers(self, host: str | None) -> bool:
        return self.databases.get(host, True) and (host, "mysqld") not in self.still

    def master(self, host: str) -> bool:
        named = all(self.routes.get(table) == host for table in self.tables)
        return named and self.carries(host) and (not self.with_parameter or self.owner == host)

    def out(self) -> bool:
        return not any(map(self.master, self.hosts))

    def dual(self) -> bool:
        return sum(self.carries(host) and self._runs(host) for host in self.hosts) > 1

    def mis(self) -> bool:
        targets = {self.routes.get(table) for table in self.tables} - {None}
        return any(not self.carries(host) or not self._answers(host) for host in targets)


def judge(happened: Iterable[Event], world: World, since: int, until: int) -> Figures:
    """The figures of [since, until); @happened begins where @world is still empty, and is in order."""
    figures, at = Figures(), since
    for event in happened:
        if event.t_ns >= until:
            break
        if event.t_ns > at:
            _count(figures, world, at, event.t_ns, since)
            at = event.t_ns
        world.take(event)
        if event.kind == "write" and event.t_ns >= since:
            figures.writes += 1
    _count(figures, world, at, until, since)
    return figures


def _count(figures: Figures, world: World, start: int, end: int, since: int) -> None:
    out, dual, mis = world.out(), world.dual(), world.mis()
    figures.out_ns += (end - start) * out
    figures.dual_ns += (end - start) * dual
    figures.mis_ns += (end - start) * mis
    if out or dual or mis:
        figures.last_ns = end - since
