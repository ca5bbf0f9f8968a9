# SPDX-License-Identifier: MIT
"""The witness: what the kernels of the database hosts and of the router really do, with the time.

It listens to netlink in each namespace and writes one line per change to history.jsonl. Judges
take ownership from here, from the kernel, and not from what a daemon says about itself.
"""

import errno
import json
import os
from typing import Callable

from . import netlink
from .clock import now_ns
from .control import Server
from .hosts import LAB
from .layout import BY_ADDRESS, DB_HOSTS, ROUTE_TABLES
from .loop import Loop
from .network import ROUTER

Event = netlink.AddressEvent | netlink.LinkEvent | netlink.RouteEvent
ROUNDS_MAX = 1000  # a flood that does not end must not keep us from answering
TABLE_NAMES = {table.number: table.id for table in ROUTE_TABLES}


class HostWitness:
    def __init__(self, recorder: "Recorder", host: str) -> None:
        self._recorder = recorder
        self._host = host
        self._names: dict[int, str] = {}
        self.addresses: set[tuple[str, int, str, str]] = set()  # address, prefix, dev, label
        groups = netlink.GROUP_LINK | netlink.GROUP_IPV4_ADDR | netlink.GROUP_IPV6_ADDR
        self.events = netlink.open_in(host, groups)
        self._dumps = netlink.open_in(host)
        self.resync()

    def resync(self) -> None:
        """All that is there now; what is new or gone against what was known becomes an event."""
        for event in netlink.dump(self._dumps, netlink.RTM_GETLINK):
            self._names[event.index] = event.name
        present = {self._key(event) for event in netlink.dump(self._dumps, netlink.RTM_GETADDR)}
        for key in self.addresses - present:
            self._address(key, False)
        for key in present - self.addresses:
            self._address(key, True)

    def _key(self, event: netlink.AddressEvent) -> tuple[str, int, str, str]:
        return event.address, event.prefix, self._names.get(event.index, str(event.index)), event.label

    def _address(self, key: tuple[str, int, str, str], present: bool) -> None:
        (self.addresses.add if present else self.addresses.discard)(key)
        address, prefix, dev, label = key
        self._recorder.write("address", self._host, address=address, prefix=prefix, dev=dev, label=label,
                             present=present)

    def take(self, event: Event) -> None:
        if isinstance(event, netlink.LinkEvent):
            self._names[event.index] = event.name
            self._recorder.write("link", self._host, dev=event.name, up=event.present and event.up)
        elif isinstance(event, netlink.AddressEvent):
            key = self._key(event)
            if event.present != (key in self.addresses):
                self._address(key, event.present)


class RouterWitness:
    def __init__(self, recorder: "Recorder") -> None:
        self._recorder = recorder
        self.routes: dict[str, dict[str, str | None]] = {table: {} for table in TABLE_NAMES.values()}
        self.events = netlink.open_in(ROUTER, netlink.GROUP_IPV4_ROUTE)
        self._dumps = netlink.open_in(ROUTER)
        self.resync()

    def resync(self) -> None:
        seen: dict[str, set[str]] = {table: set() for table in self.routes}
        for event in netlink.dump(self._dumps, netlink.RTM_GETROUTE):
            if event.table in TABLE_NAMES:
                seen[TABLE_NAMES[event.table]].add(event.destination)
                self.take(event)
        for table, routes in self.routes.items():
            for destination in set(routes) - seen[table]:
                self._route(table, destination, None, False)

    def take(self, event: Event) -> None:
        if not isinstance(event, netlink.RouteEvent) or event.table not in TABLE_NAMES:
            return
        spec = BY_ADDRESS.get(event.gateway or "")
        self._route(TABLE_NAMES[event.table], event.destination, spec.name if spec else "gateway", event.present)

    def _route(self, table: str, destination: str, target: str | None, present: bool) -> None:
        target = target if present else None
        routes = self.routes[table]
        if routes.get(destination) == target:
            return
        if present:
            routes[destination] = target
        else:
            routes.pop(destination, None)
        self._recorder.write("route", None, table=table, destination=destination, target=target)


class Recorder:
    def __init__(self, loop: Loop) -> None:
        self._file = os.open(f"{LAB}/history.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._moment = 0  # of the events that are being written; 0: each has its own
        self.hosts = {name: HostWitness(self, name) for name in DB_HOSTS}
        self.router = RouterWitness(self)
        for witness in (*self.hosts.values(), self.router):
            witness.events.setblocking(False)
            loop.watch(witness.events, self._drain)
        Server(loop, f"{LAB}/sock/recorder", {"routes": self.routes, "holders": self.holders,
                                              "addresses": self.addresses})

    def write(self, event: str, host: str | None, **facts) -> None:
        line = {"t_ns": self._moment or now_ns(), "event": event, "host": host, **facts}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def _drain(self) -> None:
        """Everything that has happened, under one stamp.

        Two kernels' events have no order between them but the one in which they are read here. Were each
        stamped as it is read, a recorder that loses the CPU in between would tell of an address that comes
        before it has gone elsewhere. So all queues are read until a round finds nothing: what happened before
        something that was read has been read too, and bears the same stamp.
        """
        taken: list[tuple[HostWitness | RouterWitness, Event]] = []
        lost: list[HostWitness | RouterWitness] = []
        rounds = 0
        while self._round(taken, lost) and rounds < ROUNDS_MAX:
            rounds += 1
        self._moment = now_ns()
        for witness, event in taken:
            witness.take(event)
        for witness in lost:
            self.write("overrun", None)
            witness.resync()
        self._moment = 0

    def _round(self, taken: list, lost: list) -> bool:
        found = False
        for witness in (*self.hosts.values(), self.router):
            try:
                data = witness.events.recv(1 << 18)
            except OSError as error:
                if error.errno == errno.ENOBUFS:  # events were lost: say so and look for ourselves
                    lost.append(witness)
                    found = True
                elif error.errno != errno.EAGAIN:
                    raise
                continue
            found = True
            taken.extend((witness, event) for event in netlink.parse(data))
        return found

    def routes(self, destination: str) -> dict[str, str | None]:
        self._drain()
        return {table: routes.get(destination) for table, routes in self.router.routes.items()}

    def holders(self, address: str) -> list[str]:
        self._drain()
        return [name for name, witness in self.hosts.items()
                if any(key[0] == address for key in witness.addresses)]

    def addresses(self, host: str) -> list[dict]:
        self._drain()
        names = ("address", "prefix", "dev", "label")
        return [dict(zip(names, key)) for key in sorted(self.hosts[host].addresses)]


def main(ready: Callable[[], None]) -> None:
    loop = Loop()
    Recorder(loop)
    ready()
    loop.run()
