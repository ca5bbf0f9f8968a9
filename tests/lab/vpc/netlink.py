# SPDX-License-Identifier: MIT
"""rtnetlink without libraries: write a route (10 microseconds), read and watch addresses and routes.

A netlink socket belongs to the namespace in which it was made, so one process can hold one per
host and per router without ever moving itself.
"""

import ipaddress
import os
import socket
import struct
from dataclasses import dataclass
from typing import Iterator

from .kernel import socket_in

NETLINK_ROUTE = 0
GROUP_LINK, GROUP_IPV4_ADDR, GROUP_IPV4_ROUTE, GROUP_IPV6_ADDR = 0x1, 0x10, 0x40, 0x100

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_CREATE = 0x100, 0x400

IFA_ADDRESS, IFA_LOCAL, IFA_LABEL = 1, 2, 3
IFLA_IFNAME = 3
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_TABLE = 1, 4, 5, 15
RTN_UNICAST, RTN_BLACKHOLE = 1, 6
RT_SCOPE_UNIVERSE = 0
RTPROT_STATIC = 4
RTNH_F_ONLINK = 4
IFF_RUNNING = 0x40

HEADER = struct.Struct("=IHHII")
ADDRESS = struct.Struct("=BBBBI")
LINK = struct.Struct("=BxHiII")
ROUTE = struct.Struct("=BBBBBBBBI")


@dataclass(frozen=True)
class AddressEvent:
    present: bool
    index: int
    address: str
    prefix: int
    label: str


@dataclass(frozen=True)
class LinkEvent:
    present: bool
    index: int
    name: str
    up: bool


@dataclass(frozen=True)
class RouteEvent:
    present: bool
    table: int
    destination: str
    gateway: str | None  # None: a blackhole


def open_in(netns: str, groups: int = 0) -> socket.socket:
    sock = socket_in(netns, socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((0, groups))
    return sock


def _attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= HEADER.size:
        length, kind, _, _, _ = HEADER.unpack_from(data)
        if length < HEADER.size:
            break
        yield kind, data[HEADER.size:length]
        data = data[(length + 3) & ~3:]


def parse(data: bytes) -> Iterator[AddressEvent | LinkEvent | RouteEvent]:
    """The events in one datagram from the kernel."""
    for kind, body in _messages(data):
        if kind in (RTM_NEWADDR, RTM_DELADDR):
            event = _address(kind == RTM_NEWADDR, body)
        elif kind in (RTM_NEWLINK, RTM_DELLINK):
            event = _link(kind == RTM_NEWLINK, body)
        elif kind in (RTM_NEWROUTE, RTM_DELROUTE):
            event = _route(kind == RTM_NEWROUTE, body)
        else:
            event = None
        if event:
            yield event


def _address(present: bool, body: bytes) -> AddressEvent:
    _, prefix, _, _, index = ADDRESS.unpack_from(body)
    found = _attributes(body[ADDRESS.size:])
    raw = found.get(IFA_LOCAL) or found[IFA_ADDRESS]
    label = found.get(IFA_LABEL, b"").rstrip(b"\0").decode()
    return AddressEvent(present, index, str(ipaddress.ip_address(raw)), prefix, label)


def _link(present: bool, body: bytes) -> LinkEvent:
    _, _, index, flags, _ = LINK.unpack_from(body)
    name = _attributes(body[LINK.size:]).get(IFLA_IFNAME, b"").rstrip(b"\0").decode()
    return LinkEvent(present, index, name, bool(flags & IFF_RUNNING))


def _route(present: bool, body: bytes) -> RouteEvent | None:
    family, length, _, _, table, _, _, kind, _ = ROUTE.unpack_from(body)
    if family != socket.AF_INET or kind not in (RTN_UNICAST, RTN_BLACKHOLE):
        return None
    found = _attributes(body[ROUTE.size:])
    if RTA_TABLE in found:
        table = struct.unpack("=I", found[RTA_TABLE])[0]
    destination = str(ipaddress.ip_address(found.get(RTA_DST, b"\0\0\0\0")))
    gateway = str(ipaddress.ip_address(found[RTA_GATEWAY])) if RTA_GATEWAY in found else None
    return RouteEvent(present, table, f"{destination}/{length}", gateway)


def dump(sock: socket.socket, kind: int) -> list[AddressEvent | LinkEvent | RouteEvent]:
    """Everything of one kind that the namespace has now. The socket must have no groups."""
    family = socket.AF_INET if kind == RTM_GETROUTE else socket.AF_UNSPEC
    size = {RTM_GETADDR: ADDRESS.size, RTM_GETLINK: LINK.size, RTM_GETROUTE: ROUTE.size}[kind]
    body = bytes([family]) + b"\0" * (size - 1)
    sock.send(HEADER.pack(HEADER.size + size, kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
    found: list = []
    while True:
        data = sock.recv(1 << 18)
        found.extend(parse(data))
        if any(kind in (NLMSG_DONE, NLMSG_ERROR) for kind, _ in _messages(data)):
            return found


class RouteWriter:
    """Writes routes of the router's tables; each call returns when the kernel has it."""

    def __init__(self, netns: str) -> None:
        self._sock = open_in(netns)
        self._sequence = 0
        self.links = {event.name: event.index for event in dump(self._sock, RTM_GETLINK)}

    def replace(self, table: int, destination: str, gateway: str, leg: str) -> None:
        self._request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, table, destination, RTN_UNICAST,
                      _attribute(RTA_GATEWAY, ipaddress.ip_address(gateway).packed) +
                      _attribute(RTA_OIF, struct.pack("=i", self.links[leg])))

    def blackhole(self, table: int, destination: str) -> None:
        self._request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, table, destination, RTN_BLACKHOLE, b"")

    def delete(self, table: int, destination: str) -> None:
        self._request(RTM_DELROUTE, 0, table, destination, 0, b"")

    def _request(self, kind: int, flags: int, table: int, destination: str, route_kind: int,
                 more: bytes) -> None:
        network = ipaddress.ip_network(destination)
        family = socket.AF_INET if network.version == 4 else socket.AF_INET6
        hop_flags = RTNH_F_ONLINK if more else 0
        protocol = RTPROT_STATIC if kind == RTM_NEWROUTE else 0
        body = ROUTE.pack(family, network.prefixlen, 0, 0, 0, protocol, RT_SCOPE_UNIVERSE, route_kind, hop_flags)
        body += _attribute(RTA_DST, network.network_address.packed)
        body += _attribute(RTA_TABLE, struct.pack("=I", table)) + more
        self._sequence += 1
        self._sock.send(HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | NLM_F_ACK | flags,
                                    self._sequence, 0) + body)
        for answer, payload in _messages(self._sock.recv(65536)):
            error = -struct.unpack_from("=i", payload)[0] if answer == NLMSG_ERROR else 0
            if error:
                raise OSError(error, f"route {destination} in table {table}: {os.strerror(error)}")
