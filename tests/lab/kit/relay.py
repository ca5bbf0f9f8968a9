# SPDX-License-Identifier: MIT
"""A relay for heartbeats in the router: loss, delay, copies, disorder and bit flips, told by a seed.

    relay = lab.relay(seed, loss=10, sender=None, ...)      a second call changes the manner
        loss=P       percent that vanish                     bad=P, good=P   percent chances per packet to
        delay=S      seconds that each is late                   enter and to leave a stretch in which all vanish
        jitter=S     and up to so many more                  copies=N        each arrives N times
        window=N     N packets are collected, then sent      flip=P          percent with one bit turned over
                     in another order                        sender=HOST     only packets from there
    .counters()                  {host: {seen, sent, lost, flipped}} by sender
    .recorded()                  how many packets it remembers (the last 20,000)
    .replay(first=0, count=None, rate=100, sender=None)      sends remembered ones again, rate a second
    .inject(sender, payload, count=1, rate=1000)             a datagram in that host's name to the other
    .stop()

What happens to the n-th packet of a direction depends on the seed, the direction and n alone. A cut
between the hosts (Lab.cut) holds for the relay too; losses of Lab.loss do not.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
from collections import deque
from dataclasses import asdict, dataclass
from typing import Callable

from vpc import kernel
from vpc.clock import now_ns
from vpc.control import Server
from vpc.errors import LabError
from vpc.hosts import LAB
from vpc.layout import BY_NAME, DB_HOSTS, HEARTBEAT_PORT
from vpc.loop import Loop
from vpc.network import ROUTER

REMEMBERED = 20000
ETH_P_IP = 0x0800
PACKET_OUTGOING = 4
SO_ATTACH_FILTER = 26


@dataclass(frozen=True)
class Manner:
    loss: float = 0
    bad: float = 0
    good: float = 100
    delay: float = 0
    jitter: float = 0
    copies: int = 1
    window: int = 1
    flip: float = 0
    sender: str | None = None


@dataclass(frozen=True)
class Fate:
    """Of one packet: how late each of its copies is, and which bit is turned over."""

    delays: tuple[float, ...]
    bit: int | None


class Direction:
    """Decides; does nothing."""

    def __init__(self, seed: int, name: str, manner: Manner) -> None:
        self._seed = f"{seed}/{name}"
        self._manner = manner
        self._count = 0
        self._bad = False

    def next(self) -> Fate:
        dice = random.Random(f"{self._seed}/{self._count}")
        self._count += 1
        manner = self._manner
        turn, lost, flips, bit = (dice.random() * 100 for _ in range(4))
        self._bad = turn < manner.bad if not self._bad else turn >= manner.good
        if self._bad or lost < manner.loss:
            return Fate((), None)
        delays = tuple(manner.delay + manner.jitter * dice.random() for _ in range(manner.copies))
        return Fate(delays, int(bit * 10000) if flips < manner.flip else None)

    def order(self, block: int) -> list[int]:
        """In which order the packets of a full window leave."""
        places = list(range(self._manner.window))
        random.Random(f"{self._seed}/block {block}").shuffle(places)
        return places


class _Leg:
    """One host's leg of the router, below the packet filter."""

    def __init__(self, host: str, heard: Callable[[str, bytes], None]) -> None:
        self.host = BY_NAME[host]
        self.sock = kernel.socket_in(ROUTER, socket.AF_PACKET, socket.SOCK_RAW, 0)
        program = _udp_to(HEARTBEAT_PORT)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program[0])
        self.sock.bind((host, ETH_P_IP))
        self.sock.setblocking(False)
        self._mac = self.sock.getsockname()[4]
        self._heard = heard

    def read(self) -> None:
        while True:
            try:
                frame, (_, _, kind, *_) = self.sock.recvfrom(65536)
            except BlockingIOError:
                return
            if kind != PACKET_OUTGOING:
                self._heard(self.host.name, frame[14:])

    def send(self, packet: bytes) -> None:
        mac = bytes.fromhex(self.host.mac.replace(":", ""))
        try:
            self.sock.send(mac + self._mac + struct.pack("!H", ETH_P_IP) + packet)
        except OSError:
            pass  # the leg is down or full: as on a wire, the packet is gone


def _udp_to(port: int) -> tuple[bytes, object]:
    """The kernel's filter, as tcpdump writes 'ip and udp dst port PORT'. The buffer must outlive the call."""
    import ctypes

    code = [(0x30, 0, 0, 23), (0x15, 0, 4, 17), (0xB1, 0, 0, 14), (0x48, 0, 0, 16), (0x15, 0, 1, port),
            (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0)]
    buffer = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    return struct.pack("HL", len(code), ctypes.addressof(buffer)), buffer


def _clean(packet: bytes) -> bytes:
    """The checksum of a local sender is not yet worked out here; zero means none."""
    header = (packet[0] & 15) * 4
    return packet[:header + 6] + b"\0\0" + packet[header + 8:]


def _flipped(packet: bytes, bit: int) -> bytes:
    start = (packet[0] & 15) * 4 + 8
    place = bit % ((len(packet) - start) * 8)
    changed = bytearray(packet)
    changed[start + place // 8] ^= 1 << place % 8
    return bytes(changed)


def datagram(source: str, target: str, payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", HEARTBEAT_PORT, HEARTBEAT_PORT, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source),
                       socket.inet_aton(target))
    total = sum(struct.unpack("!10H", head))
    total = (total >> 16) + (total & 0xFFFF)
    return head[:10] + struct.pack("!H", 0xFFFF - (total + (total >> 16) & 0xFFFF)) + head[12:] + udp


class Process:
    def __init__(self) -> None:
        self._loop = Loop()
        self._legs = {name: _Leg(name, self._heard) for name in DB_HOSTS}
        self._memory: deque[tuple[int, str, bytes]] = deque(maxlen=REMEMBERED)
        self._blocked: set[tuple[str, str]] = set()
        self._manner({"seed": 0, "manner": {}})
        for leg in self._legs.values():
            self._loop.watch(leg.sock, leg.read)
        Server(self._loop, f"{LAB}/sock/relay", {
            "manner": lambda **given: self._manner(given), "block": self._block, "counters": lambda: self._counters,
            "recorded": lambda: len(self._memory), "replay": self._replay, "inject": self._inject})

    def run(self) -> None:
        self._loop.run()

    def _manner(self, given: dict) -> None:
        self._how = Manner(**given["manner"])
        self._directions = {name: Direction(given["seed"], name, self._how) for name in DB_HOSTS}
        self._windows: dict[str, list[bytes]] = {name: [] for name in DB_HOSTS}
        self._blocks = dict.fromkeys(DB_HOSTS, 0)
        self._counters = {name: dict.fromkeys(("seen", "sent", "lost", "flipped"), 0) for name in DB_HOSTS}

    def _block(self, pairs: list[list[str]]) -> None:
        self._blocked = {(a, b) for a, b in pairs}

    @staticmethod
    def _other(name: str) -> str:
        return next(host for host in DB_HOSTS if host != name)

    def _heard(self, sender: str, packet: bytes) -> None:
        if packet[16:20] != socket.inet_aton(BY_NAME[self._other(sender)].address):
            return  # not for the peer
        packet = _clean(packet)
        self._memory.append((now_ns(), sender, packet))
        self._counters[sender]["seen"] += 1
        if self._how.sender not in (None, sender):
            self._pass(sender, packet)
            return
        window = self._windows[sender]
        window.append(packet)
        if len(window) < self._how.window:
            return
        places = self._directions[sender].order(self._blocks[sender])
        self._blocks[sender] += 1
        self._windows[sender] = []
        for place in places:
            self._meet(sender, window[place])

    def _meet(self, sender: str, packet: bytes) -> None:
        fate = self._directions[sender].next()
        counters = self._counters[sender]
        if not fate.delays:
            counters["lost"] += 1
        if fate.bit is not None:
            counters["flipped"] += 1
            packet = _flipped(packet, fate.bit)
        for delay in fate.delays:
            if delay:
                self._loop.after(delay, lambda: self._pass(sender, packet))
            else:
                self._pass(sender, packet)

    def _pass(self, sender: str, packet: bytes) -> None:
        to = self._other(sender)
        if (sender, to) in self._blocked:
            return
        self._counters[sender]["sent"] += 1
        self._legs[to].send(packet)

    def _replay(self, first: int, count: int | None, rate: float, sender: str | None) -> int:
        wanted = [(name, packet) for _, name, packet in list(self._memory)[first:] if sender in (None, name)]
        wanted = wanted[:count]
        for number, (name, packet) in enumerate(wanted):
            self._loop.after(number / rate, lambda name=name, packet=packet: self._pass(name, packet))
        return len(wanted)

    def _inject(self, sender: str, payload: str, count: int, rate: float) -> None:
        packet = datagram(BY_NAME[sender].address, BY_NAME[self._other(sender)].address, bytes.fromhex(payload))
        for number in range(count):
            self._loop.after(number / rate, lambda: self._pass(sender, packet))


def main(ready: Callable[[], None]) -> None:
    kernel.die_with_parent(signal.SIGKILL)
    process = Process()
    ready()
    process.run()


class Relay:
    """What a test holds."""

    def __init__(self, lab) -> None:
        self._lab = lab

    def _call(self, op: str, **arguments):
        from vpc.control import call

        return call(self._lab.socket("relay"), op, **arguments)

    def manner(self, seed: int, **manner) -> None:
        if manner.get("sender") not in (None, *DB_HOSTS):
            raise LabError(f"no database host '{manner['sender']}'")
        self._call("manner", seed=seed, manner=asdict(Manner(**manner)))
        self._lab.note("relay", seed=seed, **manner)

    def counters(self) -> dict:
        return self._call("counters")

    def recorded(self) -> int:
        return self._call("recorded")

    def replay(self, first: int = 0, count: int | None = None, rate: float = 100, sender: str | None = None) -> int:
        self._lab.note("replay", first=first, count=count, rate=rate, sender=sender)
        return self._call("replay", first=first, count=count, rate=rate, sender=sender)

    def inject(self, sender: str, payload: bytes, count: int = 1, rate: float = 1000) -> None:
        self._lab.note("inject", sender=sender, length=len(payload), count=count, rate=rate)
        self._call("inject", sender=sender, payload=payload.hex(), count=count, rate=rate)

    def stop(self) -> None:
        self._lab.relay_stop()
