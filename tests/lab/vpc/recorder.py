# SPDX-License-Identifier: MIT
"""The witness: what the kernels of the database hosts and of the router really do, with the time.

It listens to netlink in each namespace and writes one line per change to history.jsonl. Judges
take ownership from here, from the kernel, and not from what a daemon says about itself.
"""

import errno
import json
import os
import socket
from typing import Callable

from . import netlink
from .clock import now_ns
from .control import Server
from .hosts import LAB
from .layout import BY_ADDRESS, DB_HOSTS, ROUTE_TABLES
from .loop import Loop
from .network import ROUTER

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

    def take(self, event: netlink.AddressEvent | netlink.LinkEvent | netlink.RouteEvent) -> None:
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

    def take(self, event: netlink.AddressEvent | netlink.LinkEvent | netlink.RouteEvent) -> None:
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
        self.hosts = {name: HostWitness(self, name) for name in DB_HOSTS}
        self.router = RouterWitness(self)
        for witness in (*self.hosts.values(), self.router):
            witness.events.setblocking(False)
            loop.watch(witness.events, self._reader(witness))
        Server(loop, f"{LAB}/sock/recorder", {"routes": self.routes, "holders": self.holders,
                                              "addresses": self.addresses})

    def write(self, event: str, host: str | None, **facts) -> None:
        line = {"t_ns": now_ns(), "event": event, "host": host, **facts}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def _reader(self, witness: HostWitness | RouterWitness) -> Callable[[], None]:
        def read() -> None:
            try:
                data = witness.events.recv(1 << 18)
            except OSError as error:
                if error.errno == errno.ENOBUFS:  # events were lost: say so and look for ourselves
                    self.write("overrun", None)
                    witness.resync()
                    return
                if error.errno == errno.EAGAIN:
                    return
                raise
            for event in netlink.parse(data):
                witness.take(event)
        return read

    def _drain(self) -> None:
        """What has happened before the question was asked is in the answer."""
        for witness in (*self.hosts.values(), self.router):
            read = self._reader(witness)
            while _readable(witness.events):
                read()

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


def _readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return False
    except OSError:
        return True  # an error waits to be read: that too must be taken


def main(ready: Callable[[], None]) -> None:
    loop = Loop()
    Recorder(loop)
    ready()
    loop.run()
