# SPDX-License-Identifier: MIT
"""The scenario inside the sandbox of the shipped units, set up without systemd (vpc/sandbox.py).

The rest of the lab's tests run in it too: ZONEVIP_SANDBOX=1 scripts/test lab.
"""

import os
import shutil

import pytest
from conftest_agents import BUILD, KEY, instance, state
from test_scenario import test_f_a_switchover_hands_over_and_a_held_target_is_refused_until_ack  # noqa: F401
from vpc import DB_HOSTS, Lab

CAP_NET_ADMIN = 1 << 12


@pytest.fixture(scope="module")
def real_lab(tmp_path_factory):
    if not os.path.exists(os.path.join(BUILD, "zonevipd")):
        pytest.skip(f"no zonevipd in {BUILD}: build first, or set ZONEVIP_BUILD")
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze, which knows the groups of system calls: apt-get install systemd")
    with Lab(dir=str(tmp_path_factory.mktemp("boxed") / "lab"), bindir=BUILD, sandbox=True) as lab:
        lab.first_keys = {name: open(lab.host(name).root + KEY, "rb").read() for name in DB_HOSTS}
        yield lab


def proc(lab, name):
    """/proc/PID of the daemon as this side has it."""
    return f"/proc/{lab.host(name).outer_pid('zonevipd')}"


def test_the_daemon_has_one_capability_a_filter_and_two_places_to_write(pair):
    with open(proc(pair, "DB_Host1") + "/status") as stream:
        status = dict(line.split(":", 1) for line in stream)
    for kind in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[kind], 16) == CAP_NET_ADMIN, kind
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert {int(uid) for uid in status["Uid"].split()} == {pair.uid("zonevip")}
    with open(proc(pair, "DB_Host1") + "/mounts") as stream:
        mounts = {line.split()[1]: line.split()[3].split(",")[0] for line in stream}  # the last one there counts
    writable = {path for path, mode in mounts.items() if mode == "rw"}
    hidden = ("/proc", "/sys/", "/dev/", "/run/lab", "/run/netns")  # below what lies over them
    assert {path for path in writable if not path.startswith(hidden)} == {"/run/zonevip", "/var/lib/zonevip", "/tmp", "/var/tmp"}
    assert mounts["/"] == mounts["/etc/zonevip"] == mounts["/run"] == "ro"


FORBIDDEN = """
import ctypes, errno, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def refused(what, fn):
    ctypes.set_errno(0)
    try:
        result = fn()
        number = ctypes.get_errno() if result == -1 else 0
    except OSError as error:
        number = error.errno
    print(what, errno.errorcode.get(number, number))
refused('mount', lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))
refused('unshare', lambda: libc.unshare(0x20000000))
refused('ptrace', lambda: libc.ptrace(0, 0, 0, 0))
refused('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
refused('exec', lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC))
refused('setuid', lambda: libc.setuid(0))
refused('clock', lambda: libc.settimeofday(b'\\0' * 16, None))
refused('file', lambda: os.open('/etc/zonevip/mine', os.O_CREAT | os.O_WRONLY))
refused('setgid', lambda: os.open('/tmp/x', os.O_CREAT | os.O_WRONLY) and os.chmod('/tmp/x', 0o2755))
refused('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) and None)
refused('home', lambda: os.listdir('/root'))
print('processes', sum(name.isdigit() for name in os.listdir('/proc')))
"""


def test_what_the_unit_forbids_is_refused_in_the_copy(lab):
    host = lab.host("DB_Host1")
    box = "/run/lab-notify/zonevipd.sandbox"
    folder = "/run/zonevip-probe"
    host.exec(["mkdir", "-p", folder])
    with open(host.path(f"{folder}/probe.py"), "w") as stream:
        stream.write(FORBIDDEN)
    uid = str(lab.uid("zonevip"))
    sandbox = "/usr/local/libexec/zonevip-sandbox"
    said = host.exec([sandbox, "outer", box, "/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                      "--bounding-set=-all", "--no-new-privs", sandbox, "inner", box, "/usr/bin/python3",
                      f"{folder}/probe.py"]).stdout
    answers = dict(line.split() for line in said.splitlines())
    assert answers.pop("udp") == "0"
    assert int(answers.pop("processes")) <= 2, "it sees itself alone"
    assert answers.pop("file") == "EROFS"
    assert answers.pop("home") == "EACCES"
    assert set(answers.values()) == {"EPERM"}, answers


def test_killed_it_adopts_and_stopped_it_hands_over(pair):
    pair.host("DB_Host1").agent_kill(restart=True)
    pair.wait_for(lambda: pair.host("DB_Host1").agent_status()["ready"], 15, "the restart")
    pair.wait_for(lambda: state(pair, "DB_Host1") == "MASTER", 15, "adoption")
    assert instance(pair, "DB_Host1")["reason"] == "adopted"
    assert pair.parameter() == ("DB_Host1", 1)
    pair.wait_for(lambda: all(peer["proven"] and peer["hears_us"] for name in DB_HOSTS for peer in pair.status(name)["peers"]), 15,
                  "the nodes to hear each other")
    pair.wait_for(lambda: instance(pair, "DB_Host2")["eligible"], 15, "DB_Host2 to be eligible")
    pair.host("DB_Host1").agent_stop()
    pair.wait_owner("DB_Host2", 15)
    assert pair.host("DB_Host1").agent_status()["last_exit"] == "exit 0"
    assert pair.holders() == ["DB_Host2"]
    assert pair.host("DB_Host1").services()["zonevip-notify"]["restarts"] == 0
    pair.wait_for(lambda: any("MASTER" in line["arguments"]
                              for line in pair.host("DB_Host2").notifications()), 10, "the notify script, in its sandbox")
