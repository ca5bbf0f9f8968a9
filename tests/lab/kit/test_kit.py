# SPDX-License-Identifier: MIT
"""The injection kit shows that it injects: without that, a test that survives a fault proves nothing."""

import subprocess
import sys
import time

import pytest

from kit import shim
from kit.relay import Direction, Manner
from labtools import inside
from vpc import DB_HOSTS, LabError

PYTHON = "/usr/bin/python3"
PORT = 7112


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return shim.build(str(tmp_path_factory.mktemp("shim") / "shim.so"))


@pytest.fixture
def preloaded(library, tmp_path):
    """(shim, run): Python itself is the program under test."""
    path = str(tmp_path / "kit")
    shim.create(path)
    program = subprocess.run([PYTHON, "-c", "import os; print(os.path.basename(os.readlink('/proc/self/exe')))"],
                             capture_output=True, text=True, check=True).stdout.strip()
    environment = {"PATH": "/usr/bin:/bin", "LD_PRELOAD": library, "KIT_FILE": path, "KIT_PROGRAM": program}

    def start(text):
        return subprocess.Popen([PYTHON, "-S", "-c", text], env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def run(text):
        child = start(text)
        said, _ = child.communicate(timeout=60)
        return child.returncode, said

    return shim.Shim(path), run, start


CLOCKS = "import time; print(*(time.clock_gettime(c) for c in (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC)))"


def test_clocks_are_off_by_what_was_said_and_only_those(preloaded):
    kit, run, _ = preloaded
    kit.clock(realtime_s=-3600)
    real, boot, _ = map(float, run(CLOCKS)[1].split())
    assert abs(real + 3600 - time.time()) < 60
    assert abs(boot - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60
    kit.clock(steady_s=500)
    real, boot, steady = map(float, run(CLOCKS)[1].split())
    assert abs(real - time.time()) < 60
    assert abs(boot - 500 - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60
    assert abs(steady - 500 - time.monotonic()) < 60


def test_a_call_fails_with_the_error_from_the_kth_on_as_often_as_said(preloaded):
    kit, run, _ = preloaded
    rule = kit.fail("socket", "ENFILE", what="udp", skip=1, times=2)
    code, said = run("""
import errno, socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_DGRAM, socket.SOCK_DGRAM, socket.SOCK_DGRAM):
    try: socket.socket(socket.AF_INET, kind); print('ok')
    except OSError as error: print(errno.errorcode[error.errno])
""")
    assert code == 0 and said.split() == ["ok", "ok", "ENFILE", "ENFILE", "ok"]
    assert (rule.seen, rule.hits) == (4, 2)
    rule.release()
    assert run("import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM); print('ok')")[1] == "ok\n"


def test_a_path_and_a_thread_choose_the_call(preloaded):
    kit, run, _ = preloaded
    kit.fail("open", "EACCES", what="/nowhere/special")
    kit.fail("fsync", "EIO", thread="other")
    code, said = run("""
import errno, os, tempfile, threading
def attempt(fn, *arguments):
    try: fn(*arguments); print('ok')
    except OSError as error: print(errno.errorcode[error.errno])
attempt(os.open, '/nowhere/special/file', os.O_RDONLY)
attempt(os.open, '/nowhere/else', os.O_RDONLY)
file = tempfile.TemporaryFile()
attempt(os.fsync, file.fileno())
thread = threading.Thread(target=attempt, args=(os.fsync, file.fileno()))
thread.start(); thread.join()
""")
    assert code == 0 and said.split() == ["EACCES", "ENOENT", "ok", "EIO"]


def test_a_stalled_call_waits_until_it_is_released(preloaded):
    kit, _, start = preloaded
    rule = kit.stall("getrandom", what="", times=1)
    child = start("import os; os.getrandom(4); print('through')")
    end = time.monotonic() + 30
    while not rule.waiting and time.monotonic() < end:
        time.sleep(0.01)
    assert rule.waiting == 1
    assert child.poll() is None
    rule.release()
    assert child.communicate(timeout=30)[0] == "through\n"


def test_every_place_that_allocates_fails_once_and_is_known_afterwards(preloaded):
    kit, run, _ = preloaded
    text = "import errno, os\nfor n in range(300):\n  try: os.getrandom(8); os.stat('/')\n  except (OSError, MemoryError): print('failed')\n"
    kit.start_at(1 << 40)
    kit.sites(shim.KERNEL)
    assert run(text)[0] == 0 and kit.failure_count == 0  # a gap that never ends
    kit.start_at(0)
    counts = []
    for _ in range(60):
        before = kit.failure_count
        run(text)
        counts.append(kit.failure_count - before)
        if not counts[-1]:
            break
    assert counts[-1] == 0, f"places are not recognised in the next process: {counts}"
    places = kit.failures()
    assert len(places) == len({(call, tuple(frames)) for call, frames in places}) == sum(counts)
    assert {"getrandom", "stat64"} <= {call for call, _ in places} | {call + "64" for call, _ in places}
    kit.clear()
    assert run(text) == (0, "")


def fates(seed, count=2000, **manner):
    direction = Direction(seed, "DB_Host1", Manner(**manner))
    return [direction.next() for _ in range(count)]


def test_the_same_seed_is_the_same_fate_and_another_is_another():
    manner = {"loss": 10, "jitter": 0.3, "copies": 2, "flip": 5, "bad": 2, "good": 20}
    assert fates(7, **manner) == fates(7, **manner)
    assert fates(7, **manner) != fates(8, **manner)
    assert Direction(7, "a", Manner(window=8)).order(3) == Direction(7, "a", Manner(window=8)).order(3)


def test_manners_do_what_they_say():
    lost = sum(not fate.delays for fate in fates(1, loss=20))
    assert 300 < lost < 500
    assert all(len(fate.delays) == 3 for fate in fates(1, copies=3))
    flipped = sum(fate.bit is not None for fate in fates(1, flip=5))
    assert 60 < flipped < 140
    assert all(0.3 <= delay <= 0.6 for fate in fates(1, delay=0.3, jitter=0.3) for delay in fate.delays)
    runs = "".join("x" if not fate.delays else "." for fate in fates(1, bad=2, good=10)).split(".")
    assert max(map(len, runs)) >= 10, "bad stretches are long"


# --- in the lab ---


def packets(lab, count=40):
    """How many of them the second host gets from the first."""
    receiver = lab.host("DB_Host2").popen([PYTHON, "-c", f"""
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('', {PORT}))
print('ready', flush=True)
got = []
while True:
    sock.settimeout(30 if not got else 1)
    try: data = sock.recv(2000)
    except TimeoutError: break
    got.append(data.decode(errors='replace'))
    if got[-1] == 'end': break
print(*got)
"""], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == "ready\n"
    lab.host("DB_Host1").exec([PYTHON, "-c", f"""
import socket, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('', {PORT}))
for n in range({count}):
    sock.sendto(b'%d' % n, ('{lab.host("DB_Host2").address}', {PORT}))
    time.sleep(0.005)
"""])
    return receiver


def received(receiver):
    return receiver.communicate(timeout=60)[0].split()


def test_the_relay_carries_every_packet_once_and_as_it_was(lab):
    relay = lab.relay(1)
    assert received(packets(lab)) == [str(n) for n in range(40)]
    assert relay.counters()["DB_Host1"] == {"seen": 40, "sent": 40, "lost": 0, "flipped": 0}
    assert relay.recorded() >= 40


def test_the_relay_loses_copies_and_mixes_by_its_seed(lab):
    lab.relay(1, loss=30)
    first = received(packets(lab))
    assert 10 < len(first) < 40
    lab.relay(1, loss=30)
    assert received(packets(lab)) == first
    lab.relay(1, window=8, copies=2)
    mixed = received(packets(lab))
    assert len(mixed) == 80 and mixed[::2] != [str(n) for n in range(40)] and {*map(int, mixed)} == {*range(40)}
    relay = lab.relay(1, flip=100)
    received(packets(lab))
    assert relay.counters()["DB_Host1"] == {"seen": 40, "sent": 40, "lost": 0, "flipped": 40}


def test_a_cut_holds_for_the_relay_and_heal_ends_it(lab):
    relay = lab.relay(1)
    lab.cut("DB_Host1", "DB_Host2")
    receiver = packets(lab)
    assert relay.counters()["DB_Host1"]["sent"] == 0
    relay.inject("DB_Host1", b"end")  # what is severed is severed for the forger too
    lab.heal()
    with pytest.raises(LabError):
        relay.counters()
    lab.relay(1).inject("DB_Host1", b"end")
    assert received(receiver) == ["end"]


def test_a_recording_is_played_again(lab):
    relay = lab.relay(1)
    received(packets(lab, 5))
    receiver = packets(lab, 0)
    assert relay.replay(first=1, count=3, sender="DB_Host1") == 3
    assert received(receiver) == ["1", "2", "3"]


def test_a_small_file_system_is_full_when_it_is_full_and_gone_after_heal(lab):
    host = lab.host("DB_Host1")
    owner = host.exec(["stat", "-c", "%U %a", "/var/lib/zonevip"]).stdout
    host.small_fs("/var/lib/zonevip", "64k")
    assert host.exec(["stat", "-c", "%U %a", "/var/lib/zonevip"]).stdout == owner
    assert 32768 < host.fill("/var/lib/zonevip") <= 65536
    assert "No space left" in host.exec(["dd", "if=/dev/zero", "of=/var/lib/zonevip/more", "count=1"], check=False).stderr
    lab.heal()
    host.exec(["sh", "-c", "echo x >/var/lib/zonevip/more; rm /var/lib/zonevip/more"])


def test_a_process_beyond_its_memory_limit_is_killed_and_counted(lab):
    host = lab.host("DB_Host1")
    host.memory_limit("mysqld", 64 << 20)
    host.mysql("SELECT 1")
    with pytest.raises(LabError):
        host.mysql("SET max_heap_table_size=1000000000; SET tmp_memory_table_size=1000000000; USE mlb; "
                   "CREATE TEMPORARY TABLE hog ENGINE=MEMORY AS SELECT seq, REPEAT('x', 250) AS text FROM seq_1_to_1000000")
    lab.wait_for(lambda: host.services()["mysqld"]["last_exit"] == "signal SIGKILL", 30, "mysqld to be killed")
    assert host.memory_kills("mysqld") >= 1
    host.memory_unlimit()
    host.mysql_start()
    assert host.mysql("SELECT 1") == [["1"]]


def test_a_service_runs_with_the_shim_from_its_next_start_on_and_without_it_after_heal(lab):
    host = lab.host("DB_Host1")
    kit = host.shim("mysqld")
    assert kit.pid == 0
    host.mysql_stop()
    host.mysql_start()
    assert kit.pid == host.pid("mysqld")
    kit.clock(realtime_s=86400 * 365)
    ahead = int(host.mysql("SELECT UNIX_TIMESTAMP()")[0][0]) - time.time()
    assert abs(ahead - 86400 * 365) < 60
    lab.heal()
    host.mysql_stop()
    host.mysql_start()
    assert abs(int(host.mysql("SELECT UNIX_TIMESTAMP()")[0][0]) - time.time()) < 60


