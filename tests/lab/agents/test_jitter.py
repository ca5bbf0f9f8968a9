# SPDX-License-Identifier: MIT
"""How even heartbeats leave while 200 clients molest the status socket (FAULTS row 58): measured on the wire."""

import os
import subprocess

import pytest
from conftest_agents import TOP, instance
from vpc import DB_HOSTS

long_one = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="a measurement, for a quiet machine: set ZONEVIP_LONG=1")
CROWD = ["/usr/bin/python3", "-B", os.path.join(TOP, "tests", "lab", "faults", "crowd.py")]
PERIOD_MS = 100

# Arrival of the owner's heartbeats, by the kernel's clock, for so many seconds.
SNIFF = """
import socket, struct, sys, time
sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
sock.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
sock.settimeout(1)
end = time.monotonic() + float(sys.argv[1])
print("ready", flush=True)
while time.monotonic() < end:
    try:
        packet, control, _, _ = sock.recvmsg(2048, 64)
    except TimeoutError:
        continue
    if packet[9] == 17 and packet[12:16] == socket.inet_aton(sys.argv[2]) and packet[22:24] == struct.pack("!H", 7112):
        seconds, nanoseconds = struct.unpack("qq", control[0][2])
        print(seconds * 1000 + nanoseconds / 1e6)
"""


def arrivals(lab, length, during):
    """Milliseconds between the heartbeats of DB_Host1 as DB_Host2 gets them, while during() runs."""
    with lab.host("DB_Host2").popen(["/usr/bin/python3", "-B", "-c", SNIFF, str(length), "10.0.2.10"],
                                    stdout=subprocess.PIPE, text=True) as sniff:
        assert sniff.stdout.readline() == "ready\n"
        during()
        times = [float(line) for line in sniff.communicate(timeout=length + 30)[0].split()]
    return [after - before for before, after in zip(times, times[1:])]


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


@long_one
def test_200_hostile_clients_do_not_shake_the_heartbeats(pair):
    still = [abs(gap - PERIOD_MS) for gap in arrivals(pair, 10, lambda: None)]
    print(f"at rest: p50 {share(still, 0.5):.2f} p99 {share(still, 0.99):.2f} max {max(still):.2f} ms, n={len(still)}")
    for kind in ("idle", "slow", "deaf", "line", "leave"):
        gaps = arrivals(pair, 12, lambda kind=kind: pair.host("DB_Host1").exec([*CROWD, kind, "200", "10"], timeout=60))
        jitter = [abs(gap - PERIOD_MS) for gap in gaps]
        print(f"{kind}: p50 {share(jitter, 0.5):.2f} p99 {share(jitter, 0.99):.2f} max {max(jitter):.2f} ms, n={len(jitter)}")
        assert share(jitter, 0.99) <= 20, kind
    assert instance(pair, "DB_Host1")["state_name"] == "MASTER"
    assert all(peer["proven"] for name in DB_HOSTS for peer in pair.status(name)["peers"])
