# SPDX-License-Identifier: MIT
"""Are heartbeats on time? Asked of the wire, not of the daemon.

Run inside a database host, `beats.py FILE SECONDS` writes the kernel's time stamp of every heartbeat
that leaves it, one a line. It may itself be late as it likes: the stamp is taken when the packet
passes the device. lateness_ms() makes the judgement of them; pure, tested by test_beats.py.
"""

import ctypes
import os
import socket
import struct
import sys
import time
from typing import List, Optional

PORT = 7112
PERIOD_MS = 100.0  # of the profile safe
ETH_P_ALL = 0x0003
SO_TIMESTAMPNS = 35
SO_ATTACH_FILTER = 26
PACKET_OUTGOING = 4

# Classic BPF on the IP header (SOCK_DGRAM): UDP, not a later fragment, destination port PORT.
FILTER = (
    (0x30, 0, 0, 9), (0x15, 0, 6, 17),  # protocol
    (0x28, 0, 0, 6), (0x45, 4, 0, 0x1FFF),  # fragment offset
    (0xB1, 0, 0, 0), (0x48, 0, 0, 2), (0x15, 0, 1, PORT),  # header length, port
    (0x06, 0, 0, 64), (0x06, 0, 0, 0),
)


def lateness_ms(stamps: List[int], since_ns: int, until_ns: int, period_ms: float = PERIOD_MS) -> Optional[float]:
    """How far the latest heartbeat was behind its schedule in the window: the longest time without
    one, its ends included, less the period. None when there was none at all."""
    inside = [stamp for stamp in stamps if since_ns <= stamp <= until_ns]
    if not inside:
        return None
    marks = [since_ns] + inside + [until_ns]
    longest = max(b - a for a, b in zip(marks, marks[1:]))
    return max(0.0, longest / 1e6 - period_ms)


def read(path: str) -> List[int]:
    """A last line that is only half there is left out."""
    with open(path, encoding="ascii") as file:
        return [int(line) for line in file if line.endswith("\n")]


def _attach(sock: socket.socket) -> None:
    code = b"".join(struct.pack("HBBI", *step) for step in FILTER)
    buffer = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(FILTER), ctypes.addressof(buffer)))


def watch(path: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as sock:
        _attach(sock)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind(("eth0", ETH_P_ALL))
        out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        while time.monotonic() < end:
            sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                _, ancillary, _, source = sock.recvmsg(64, 64)
            except TimeoutError:
                return
            stamp = next((data for level, kind, data in ancillary
                          if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS), None)
            if stamp and source[2] == PACKET_OUTGOING:
                seconds_part, nanoseconds = struct.unpack("qq", stamp[:16])
                os.write(out, b"%d\n" % (seconds_part * 1_000_000_000 + nanoseconds))


if __name__ == "__main__":
    watch(sys.argv[1], float(sys.argv[2]))
