# SPDX-License-Identifier: MIT
"""Lateness of heartbeats, and that the filter sees heartbeats and nothing else."""

import os
import socket
import struct
import subprocess
import sys
import time

import pytest

from demo import beats

MS = 1_000_000


def every(*times_ms):
    return [t * MS for t in times_ms]


def test_on_time_is_not_late():
    assert beats.lateness_ms(every(100, 200, 300), 50 * MS, 350 * MS) == 0.0


def test_late_by_what_the_longest_wait_is_over_the_period():
    assert beats.lateness_ms(every(100, 200, 342, 400), 100 * MS, 400 * MS) == pytest.approx(42.0)


def test_extra_heartbeats_make_nothing_late():
    assert beats.lateness_ms(every(100, 103, 200, 300), 100 * MS, 300 * MS) == 0.0


def test_silence_at_the_end_counts():
    assert beats.lateness_ms(every(100, 200), 100 * MS, 500 * MS) == pytest.approx(200.0)


def test_no_heartbeat_at_all_is_not_on_time():
    assert beats.lateness_ms([], 0, 1000 * MS) is None
    assert beats.lateness_ms(every(5000), 0, 1000 * MS) is None


def run_filter(packet):
    """The program as the kernel runs it: enough of classic BPF for these nine steps."""
    a = x = at = 0
    while True:
        code, jt, jf, k = beats.FILTER[at]
        at += 1
        if code == 0x30:
            a = packet[k]
        elif code == 0x28:
            a = struct.unpack_from("!H", packet, k)[0]
        elif code == 0xB1:
            x = 4 * (packet[k] & 0x0F)
        elif code == 0x48:
            a = struct.unpack_from("!H", packet, x + k)[0]
        elif code == 0x15:
            at += jt if a == k else jf
        elif code == 0x45:
            at += jt if a & k else jf
        elif code == 0x06:
            return k


def packet(protocol=17, port=7112, fragment=0, words=5):
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, 100, 0, fragment, 64, protocol, 0, b"\x0a\0\2\x0a",
                         b"\x0a\0\4\x0a")
    return header + b"\0" * (4 * (words - 5)) + struct.pack("!HHHH", 7112, port, 80, 0)


@pytest.mark.parametrize("words, taken", [
    ({}, True), ({"words": 7}, True), ({"port": 3306}, False), ({"protocol": 6}, False),
    ({"fragment": 100}, False)])
def test_filter_takes_heartbeats_only(words, taken):
    assert bool(run_filter(packet(**words))) == taken


INSIDE = r"""
set -eu
ip link set lo name eth0; ip link set eth0 up
timeout 10 {python} -B {beats} {out} 1.5 &
sleep 0.5
{python} -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in (7112, 9, 7112): s.sendto(b"x", ("127.0.0.1", port))'
wait
"""


@pytest.mark.skipif(os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], check=False).returncode != 0,
                    reason="needs root and network namespaces")
def test_kernel_stamps_what_leaves(tmp_path):
    out = tmp_path / "beats"
    before = time.time_ns()
    script = INSIDE.format(python=sys.executable, beats=beats.__file__, out=out)
    subprocess.run(["unshare", "--net", "bash", "-c", script], check=True, timeout=30)
    stamps = beats.read(str(out))
    assert len(stamps) == 2
    assert all(before < stamp < time.time_ns() for stamp in stamps)
