# SPDX-License-Identifier: MIT
"""Rows 5 to 10, 20, 57 to 59, 62 to 64 and 66 to 70: processes that are starved or hang, files that are damaged, clocks that
jump, scripts that misbehave, and what an operator does while it all goes on."""

import base64
import json
import os
import random
import re
import time

import pytest
from conftest_agents import KEY, STATE, instance, last_words, nothing_moves, start, state, writes
from faults.bounds import LEAVE_S, MARGIN_S, NOBODY, T_ACT_S, T_SILENT_S, TWO_TABLES, lasting, row
from faults.test_network import cpu_s
from vpc import DB_HOSTS, LabError, now_ns
from vpc.mysql import SOCKET

OWNER, OTHER = DB_HOSTS
HERE = os.path.dirname(os.path.abspath(__file__))
CROWD = ["/usr/bin/python3", "-B", os.path.join(HERE, "crowd.py")]
CONTROL = "/run/zonevip/zonevipd.sock"
NOTIFY = "/etc/zonevip/notify.sh"
WATCHDOG_S = 5.0
HOUR, YEAR = 3600.0, 365.25 * 86400
SEED = 66
long = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="takes long: set ZONEVIP_LONG=1")


def late(lab):
    return {name: lab.status(name)["loop"]["hello_late_count"] for name in DB_HOSTS}


def rss_kb(lab, host):
    with open(f"/proc/{lab.host(host).outer_pid('zonevipd')}/status") as stream:
        return int(re.search(r"VmRSS:\s+(\d+) kB", stream.read()).group(1))


def descriptors(lab, host):
    return len(os.listdir(f"/proc/{lab.host(host).outer_pid('zonevipd')}/fd"))


def same_states(lab):
    assert (state(lab, OWNER), state(lab, OTHER)) == ("MASTER", "BACKUP"), last_words(lab)


def keep(lab, host):
    """Stops the agent without handing over."""
    lab.host(host).exec(["zonevipctl", "stop", "--keep"])
    lab.wait_for(lambda: not lab.host(host).agent_status()["pid"], 10, "the end")


# --- 5, 6: it stands still inside -----------------------------------------------------------------------


@long
@row(5, out=NOBODY, dual=0.05, writes=2 * TWO_TABLES)  # as in row 4: 50 ms after it goes on
def test_5_a_claim_that_stood_still_before_it_was_sent_is_not_sent(lab, watch):
    """The main loop stops where it wakes the thread that would send, while the routes come to the other way."""
    kit = lab.host(OTHER).shim()
    start(lab)
    watch.begin()
    lab.host(OTHER).agent_watchdog(False)
    try:
        rule = kit.stall("write", what="eventfd", thread="main", times=1)
        lab.host(OWNER).mysql_kill()
        lab.wait_for(lambda: rule.waiting, 10, f"{OTHER} to stand still")
        time.sleep(1)
        lab.host(OWNER).mysql_start()
        lab.wait_owner(OWNER, 30)
        since = now_ns()
        rule.release()
        time.sleep(4)
        mine = [line["action"] for line in writes(lab, since) if line["host"] == OTHER]
        assert mine == [], "a write that was decided before the pause"
        assert lab.owner() == OWNER
    finally:
        kit.clear()
        lab.host(OTHER).agent_watchdog(True)


@row(6, out=T_SILENT_S, dual=1, writes=TWO_TABLES)  # the one that spins holds the address until the watchdog comes
@pytest.mark.parametrize("how", ["stall", pytest.param("spin", marks=long)])
def test_6_a_main_loop_that_hangs_is_ended_by_the_watchdog_and_the_peer_takes_over(lab, watch, how):
    kit = lab.host(OWNER).shim()
    start(lab)
    since = watch.begin()
    getattr(kit, how)("epoll_wait", thread="main", times=1)
    lab.wait_for(lambda: lab.host(OWNER).agent_status()["restarts"] == 1, WATCHDOG_S + 10, "the watchdog")
    kit.clear()
    ends = [line["t_ns"] for line in lab.history(since=since, event="process", host=OWNER) if line["what"] == "exited"]
    took = (ends[0] - since) / 1e9
    print(f"dead after {took:.2f} s")
    assert took < WATCHDOG_S + 0.5 + MARGIN_S
    lab.wait_for(lambda: len(lab.holders()) == 1 and lab.owner() == lab.holders()[0], 15, "one owner")
    time.sleep(2)


# --- 7: little memory. Each allocation's failure: scripts/torture -------------------------------------------


@long
@row(7, out=LEAVE_S, writes=TWO_TABLES)
def test_7_24_mb_are_enough_for_all_that_it_does(pair):
    try:
        for name in DB_HOSTS:
            pair.host(name).memory_limit("zonevipd", 24 << 20)
    except LabError as error:
        pytest.skip(str(error))
    for name in DB_HOSTS:
        pair.host(name).agent_reload()
        for words in (["json"], ["events"], ["metrics"], ["why"]):
            pair.host(name).exec(["zonevipctl", *words])
    pair.host(OWNER).exec(["zonevipctl", "switchover"])
    pair.wait_owner(OTHER, 10)
    time.sleep(2)
    for name in DB_HOSTS:
        print(f"{name}: {rss_kb(pair, name)} kB")
        assert pair.host(name).memory_kills("zonevipd") == 0 and pair.host(name).agent_status()["restarts"] == 0
        assert rss_kb(pair, name) < 17 * 1024  # the row says 16 MB; libcurl's chain alone is 5


# --- 8, 58: too many who ask ------------------------------------------------------------------------------


@long
@row(8)
def test_8_without_descriptors_and_with_100_clients_heartbeats_go_on(lab, watch):
    kit = lab.host(OWNER).shim()
    start(lab)
    host, before = lab.host(OWNER), late(lab)
    watch.begin()
    rules = [kit.fail(call, "EMFILE") for call in ("accept4", "socket", "openat", "open", "pipe2", "eventfd")]
    used, began = cpu_s(lab, OWNER), time.monotonic()
    host.exec([*CROWD, "idle", "100", "5"])
    used = (cpu_s(lab, OWNER) - used) / (time.monotonic() - began)
    print(f"{used:.0%} of a core, {sum(rule.hits for rule in rules)} calls failed")
    assert sum(rule.hits for rule in rules) > 5 and used < 0.25
    kit.clear()
    lab.wait_for(lambda: host.exec(["zonevipctl", "json"], check=False).returncode == 0, 10, "the status to be told again")
    same_states(lab)
    assert late(lab) == before


@long
@row(58)
@pytest.mark.parametrize("kind", ["idle", "slow", "deaf", "line", "leave"])
def test_58_200_clients_of_the_status_socket_cost_nothing(pair, kind):
    host = pair.host(OWNER)
    host.exec(["zonevipctl", "json"])
    before, memory = late(pair), rss_kb(pair, OWNER)
    host.exec([*CROWD, kind, "200", "5"])
    pair.wait_for(lambda: host.exec(["zonevipctl", "json"], check=False).returncode == 0, 10, "the status to be told again")
    same_states(pair)
    assert late(pair) == before
    grown = rss_kb(pair, OWNER) - memory
    print(f"{kind}: +{grown} kB")
    assert grown < 2048


# --- 9: scripts --------------------------------------------------------------------------------------------


SCRIPTS = {
    "sleeps": "exec sleep 3600",
    "ignores TERM": "trap '' TERM; sleep 3600 & wait; sleep 3600",
    "forks": "for n in $(seq 1000); do sleep 3600 & done; wait",
    "prints": "exec head -c 1000000000 /dev/zero",
    "fails": "exit 127",
}


@long
@pytest.mark.parametrize("kind", SCRIPTS)
@row(9, out=LEAVE_S, writes=TWO_TABLES)
def test_9_a_transition_never_waits_for_a_script(lab, watch, kind):
    lab.install_conf(lab.conf_text(vip_instance={"notify_timeout": 1}))
    for name in DB_HOSTS:
        lab.host(name).notify_stop()  # it reads the file when it starts
    start(lab)
    good = {name: open(lab.host(name).path(NOTIFY)).read() for name in DB_HOSTS}
    for name in DB_HOSTS:
        with open(lab.host(name).path(NOTIFY), "w") as file:
            file.write(f"#!/bin/bash\n{SCRIPTS[kind]}\n")
    try:
        watch.begin()
        lab.host(OWNER).exec(["zonevipctl", "switchover"])
        lab.wait_owner(OTHER, 10)
        watch.end()
        lab.wait_for(lambda: "event=notify " in lab.host(OTHER).agent_log(), 20, "the report of the failed script")
    finally:
        for name in DB_HOSTS:
            with open(lab.host(name).path(NOTIFY), "w") as file:
                file.write(good[name])
    since = now_ns()
    lab.wait_for(lambda: lab.host(OTHER).exec(["zonevipctl", "switchover"], check=False).returncode == 0, 20, "the way back")
    lab.wait_owner(OWNER, 10)
    lab.wait_for(lambda: [call for call in lab.host(OWNER).notifications() if call["t_ns"] >= since and "MASTER" in call["arguments"]], 20,
                 "the good script to be called")
    for name in DB_HOSTS:
        lab.host(name).notify_stop()  # the next starts with the usual file


# --- 10: a damaged state file --------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["garbage", pytest.param("empty", marks=long), pytest.param("half", marks=long)])
@row(10)
def test_10_a_damaged_state_file_is_ignored_with_a_warning(pair, damage):
    host = pair.host(OWNER)
    keep(pair, OWNER)
    files = [name for name in os.listdir(host.path(STATE)) if "state" in name]
    assert files
    for name in files:
        path = host.path(f"{STATE}/{name}")
        content = open(path, "rb").read()
        with open(path, "wb") as file:
            file.write({"garbage": os.urandom(512), "empty": b"", "half": content[:len(content) // 2]}[damage])
    mark = len(host.agent_log())
    host.agent_start()
    pair.wait_for(lambda: state(pair, OWNER) == "MASTER", 5, "adoption")
    warned = [line for line in host.agent_log()[mark:].splitlines() if "state" in line and "file" in line]
    print(warned)
    assert warned and len(warned) <= 2
    nothing_moves(pair, now_ns(), 2, OWNER)


# --- 20: a server that is none -----------------------------------------------------------------------------


FAKE = """
import os, socket, sys, time
path, kind = sys.argv[1:]
if os.path.lexists(path): os.unlink(path)
sock = socket.socket(socket.AF_UNIX); sock.bind(path); os.chmod(path, 0o777); sock.listen(64)
held = []
while True:
    client, _ = sock.accept()
    held = [*held[-8:], client]
    try:
        if kind == "garbage": client.sendall(os.urandom(4096))
        elif kind == "huge": client.sendall(b"\\xff\\xff\\xff\\x00" + os.urandom(1 << 20)); client.sendall(bytes(15 << 20))
        elif kind == "drip":
            for byte in b"\\x4a\\x00\\x00\\x00\\x0a10.11.0\\x00": client.sendall(bytes([byte])); time.sleep(1)
    except OSError: pass
"""


@long
@pytest.mark.parametrize("kind", ["garbage", "huge", "drip", "silent"])
@row(20)
def test_20_a_server_that_speaks_nonsense_is_not_healthy_and_costs_nothing(pair, kind):
    host = pair.host(OTHER)
    before, memory = late(pair), rss_kb(pair, OTHER)
    host.mysql_stop()
    with host.popen(["/usr/bin/python3", "-c", FAKE, SOCKET, kind]) as fake:
        time.sleep(6)
        assert not instance(pair, OTHER)["eligible"] and state(pair, OTHER) in ("FAULT", "BACKUP")
        grown = rss_kb(pair, OTHER) - memory
        fake.kill()
    host.exec(["rm", "-f", SOCKET])
    host.mysql_start()
    pair.wait_for(lambda: state(pair, OTHER) == "BACKUP", 15, f"{OTHER} to be well again")
    print(f"{kind}: +{grown} kB")
    assert late(pair) == before and state(pair, OWNER) == "MASTER"
    assert grown < 4096


# --- 57: another key ---------------------------------------------------------------------------------------


@long
@row(57)
def test_57_a_new_key_by_the_handbook_moves_nothing_under_loss(pair):
    """One key at a time: the standby stops, both get the new one, the owner restarts in place, the standby starts."""
    pair.loss(10)
    pair.host(OTHER).agent_stop()
    fresh = os.urandom(32)
    for name in DB_HOSTS:
        with open(pair.host(name).path(KEY), "wb") as file:
            file.write(fresh)
    keep(pair, OWNER)
    pair.host(OWNER).agent_start()
    pair.host(OTHER).agent_start()
    pair.wait_for(lambda: all(pair.status(name)["peers"][0]["hears_us"] for name in DB_HOSTS), 15, "the two to hear each other")
    time.sleep(6)
    same_states(pair)


# --- 59: strangers at the socket ----------------------------------------------------------------------------


@long
@row(59)
def test_59_a_stranger_may_command_nothing_and_what_lies_at_the_socket_path_is_left_alone(pair):
    for words in (["switchover"], ["standby", "on"], ["stop"], ["release"]):
        done = pair.host(OWNER).exec(["zonevipctl", *words], user="zonevip-script", check=False)
        assert done.returncode != 0, words
    same_states(pair)
    host = pair.host(OTHER)
    host.agent_stop()
    try:
        for make in (["sh", "-c", f"echo mine > {CONTROL}"], ["ln", "-s", "/etc/zonevip/planted", CONTROL], ["mkfifo", CONTROL]):
            host.exec(["rm", "-f", CONTROL])
            host.exec(make)
            before, mark = host.exec(["stat", "-c", "%F %i %s", CONTROL]).stdout, len(host.agent_log())
            with pytest.raises(LabError):
                host.agent_start()
            assert "zonevipd.sock" in host.agent_log()[mark:], make
            assert host.exec(["stat", "-c", "%F %i %s", CONTROL]).stdout == before
    finally:
        host.exec(["rm", "-f", CONTROL])
    host.agent_start()


# --- 62: scripts that others could have written --------------------------------------------------------------


UNSAFE = {"writable by all": ["chmod", "0777", NOTIFY], "another owner": ["chown", "zonevip", NOTIFY],
          "a link to such": ["sh", "-c", f"cp {NOTIFY} /tmp/theirs.sh; chmod 0777 /tmp/theirs.sh; ln -sf /tmp/theirs.sh {NOTIFY}"],
          "a folder writable by all": ["chmod", "0777", os.path.dirname(NOTIFY)]}


@long
@pytest.mark.parametrize("kind", UNSAFE)
@row(62, out=LEAVE_S, writes=TWO_TABLES)
def test_62_a_script_that_others_may_write_is_not_run(pair, kind):
    host = pair.host(OTHER)
    folder = os.path.dirname(NOTIFY)
    good = open(host.path(NOTIFY)).read()
    host.exec(UNSAFE[kind])
    try:
        since = now_ns()
        pair.host(OWNER).exec(["zonevipctl", "switchover"])
        pair.wait_owner(OTHER, 10)
        pair.wait_for(lambda: "status=126" in host.agent_log() or "problem=" in host.agent_log().rpartition("event=notify ")[2], 10, "the refusal to be reported")
        time.sleep(0.5)
        assert [call for call in host.notifications() if call["t_ns"] >= since] == []
    finally:
        host.exec(["sh", "-c", f"rm -f {NOTIFY} /tmp/theirs.sh; chmod 0755 {folder}; touch {NOTIFY}; chown root {NOTIFY}; chmod 0755 {NOTIFY}"])
        with open(host.path(NOTIFY), "w") as file:
            file.write(good)


# --- 63, 64: what lies in our paths, and what gets out ----------------------------------------------------------


@long
@pytest.mark.parametrize("kind", ["symlink", "fifo", "hard link"])
@row(63)
def test_63_what_is_planted_at_our_paths_is_not_written_through(pair, kind):
    host = pair.host(OWNER)
    keep(pair, OWNER)
    files = [f"{STATE}/{name}" for name in os.listdir(host.path(STATE))]
    assert files
    host.exec(["sh", "-c", "umask 022; echo precious >/etc/zonevip/planted; chown zonevip /etc/zonevip/planted"])
    for name in files:
        host.exec(["rm", "-f", name])
        if kind != "hard link":
            host.exec(["ln", "-s", "/etc/zonevip/planted", name] if kind == "symlink" else ["mkfifo", name])
        else:
            host.exec(["sh", "-c", f"echo precious >{STATE}/planted; chown zonevip {STATE}/planted; ln {STATE}/planted {name}"])
    host.agent_start()
    pair.wait_for(lambda: state(pair, OWNER) == "MASTER", 10, "adoption")
    host.exec(["zonevipctl", "maintenance", "on"])  # something to be remembered
    time.sleep(2)
    host.exec(["zonevipctl", "maintenance", "off"])
    time.sleep(1)
    assert host.exec(["cat", "/etc/zonevip/planted"]).stdout == "precious\n"
    if kind == "hard link":
        assert host.exec(["cat", f"{STATE}/planted"]).stdout == "precious\n"
    modes = host.exec(["find", STATE, "-type", "f", "-perm", "/077", "-not", "-name", "planted"]).stdout
    assert modes == "", "files that others may read"


CREDENTIALS = """
import urllib.request as web
imds = "http://169.254.169.254/latest/"
token = web.urlopen(web.Request(imds + "api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}), timeout=5).read().decode()
where = imds + "meta-data/iam/security-credentials/zonevip"
print(web.urlopen(web.Request(where, headers={"X-aws-ec2-metadata-token": token}), timeout=5).read().decode())
"""
PASSWORD = "canary-c4n4ry-p4ssw0rd"


def outputs(lab, host):
    """Everything that leaves the daemon or can be seen of it by others, by name."""
    here = lab.host(host)
    for words in (["json"], ["status"], ["why"], ["events"], ["events", "--json"], ["metrics"]):
        yield " ".join(words), here.exec(["zonevipctl", *words], check=False).stdout.encode()
    for service in ("zonevipd", "zonevip-notify"):
        yield f"log of {service}", lab.read_log(f"{host}.{service}.log").encode()
        for name in ("cmdline", "environ"):
            with open(f"/proc/{here.outer_pid(service)}/{name}", "rb") as file:
                yield f"{service} {name}", file.read()
    for folder in (STATE, "/run/zonevip", "/run/zonevip-script"):
        for name in os.listdir(here.path(folder)):
            path = here.path(f"{folder}/{name}")
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    yield f"{folder}/{name}", file.read()
    with open(f"{lab.dir}/api.jsonl", "rb") as file:
        yield "calls to AWS", file.read()


@row(64, out=LEAVE_S + 2, writes=TWO_TABLES)
def test_64_no_secret_is_in_anything_that_gets_out(lab, watch):
    key = os.urandom(32)
    lab.install_key(key)
    for name in DB_HOSTS:
        lab.host(name).install_secret("canary.pw", PASSWORD)
        lab.host(name).mysql(f"CREATE OR REPLACE USER canary@localhost IDENTIFIED BY '{PASSWORD}'")
    lab.install_conf(lab.conf_text(track_mysql={"user": "canary", "password_file": "/etc/zonevip/canary.pw"}))
    start(lab)
    watch.begin()
    lab.host(OWNER).exec(["zonevipctl", "reload"])
    lab.host(OWNER).mysql_kill()
    lab.wait_owner(OTHER, 10)
    lab.host(OTHER).signal("zonevipd", "USR1")
    time.sleep(1)
    secrets = {"key": key, "key in hex": key.hex().encode(), "key in base64": base64.b64encode(key)[:-2], "password": PASSWORD.encode()}
    for name in DB_HOSTS:
        role = json.loads(lab.host(name).exec(["/usr/bin/python3", "-c", CREDENTIALS]).stdout)
        secrets |= {f"{name} {word}": role[word].encode() for word in ("SecretAccessKey", "Token")}
    watch.end()
    found, looked = [], 0
    for host in DB_HOSTS:
        for where, text in outputs(lab, host):
            looked += 1
            found += [f"{what} in {where} of {host}" for what, secret in secrets.items() if secret in text]
    assert found == [] and looked > 20
    lab.host(OWNER).mysql_start()


# --- 66: the wall clock -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [10 * YEAR, *(pytest.param(offset, marks=long) for offset in (HOUR, -HOUR, -10 * YEAR, "back"))])
@row(66)
def test_66_the_wall_clock_decides_nothing(lab, watch, offset):
    kits = [lab.host(name).shim() for name in DB_HOSTS]
    start(lab)
    watch.begin()
    end, turn = time.monotonic() + lasting(120), 0
    while time.monotonic() < end:
        turn += 1
        for kit in kits:
            kit.clock(realtime_s=-30.0 * turn if offset == "back" else offset)
        time.sleep(1)
    same_states(lab)
    for kit in kits:
        kit.clock()
    time.sleep(2)
    same_states(lab)


# --- 67: reloads ------------------------------------------------------------------------------------------------


@long
@row(67)
def test_67_reloads_under_loss_move_nothing_and_leak_nothing(pair):
    pair.loss(10)
    for name in DB_HOSTS:
        pair.host(name).agent_reload()
    time.sleep(2)
    before = {name: (descriptors(pair, name), rss_kb(pair, name)) for name in DB_HOSTS}
    end, count = time.monotonic() + lasting(300), 0
    while time.monotonic() < end:
        for name in DB_HOSTS:
            pair.host(name).agent_reload()
        count += 1
        time.sleep(0.3)
    time.sleep(3)
    same_states(pair)
    after = {name: (descriptors(pair, name), rss_kb(pair, name)) for name in DB_HOSTS}
    print(f"{count} reloads: {before} -> {after}")
    for name in DB_HOSTS:
        assert abs(after[name][0] - before[name][0]) <= 1, "descriptors"
        assert after[name][1] - before[name][1] <= 512, "kB"


# --- 68: nowhere to write ---------------------------------------------------------------------------------------


@long
@pytest.mark.parametrize("error", ["ENOSPC", "EROFS"])
@row(68, out=LEAVE_S, writes=TWO_TABLES)
def test_68_without_log_and_state_a_hand_over_goes_on_as_ever(lab, watch, error):
    kits = [lab.host(name).shim() for name in DB_HOSTS]
    start(lab)
    before = late(lab)
    watch.begin()
    for kit in kits:
        kit.fail("write", error, what="/log/")
        kit.fail("write", error, what=STATE)
        kit.fail("openat", error, what="state")
    lab.host(OWNER).exec(["zonevipctl", "switchover"])
    lab.wait_owner(OTHER, 10)
    time.sleep(2)
    watch.end()
    assert late(lab) == before
    assert all(lab.host(name).agent_status()["restarts"] == 0 for name in DB_HOSTS)


# --- 69: both boot together ------------------------------------------------------------------------------------------


@long
@row(69, out=NOBODY, dual=1, mis=1, writes=4 * TWO_TABLES * 6)  # a route that is not there: replace, then create; by both at the worst
def test_69_both_boot_together_and_one_is_master(lab):
    dice = random.Random(SEED)
    for _ in range(6):
        since = now_ns()
        lab.host(dice.choice(DB_HOSTS)).agent_start(wait=False)
        time.sleep(dice.choice([0.0, 0.05, dice.random(), 3 * dice.random()]))
        for name in DB_HOSTS:
            lab.host(name).agent_start()
        lab.wait_for(lab.owner, 15, "one owner")
        took = (now_ns() - since) / 1e9
        print(f"{lab.owner()} after {took:.2f} s")
        assert took < 5 + 3 + MARGIN_S  # of them up to 3 the second's delay
        time.sleep(1)
        assert lab.holders() == [lab.owner()]
        for name in DB_HOSTS:
            lab.host(name).agent_stop()
        lab.set_route(None)
        lab.set_parameter(None)
        for name in DB_HOSTS:
            lab.host(name).exec(["find", STATE, "-mindepth", "1", "-delete"])


@long
@row(69, out=NOBODY, writes=TWO_TABLES)
def test_69_one_alone_claims_after_the_grace(lab):
    lab.set_parameter(OWNER)
    lab.set_route(OWNER)
    since = now_ns()
    lab.host(OTHER).agent_start()
    lab.wait_owner(OTHER, 20)
    took = (min(line["t_ns"] for line in writes(lab, since)) - since) / 1e9
    print(f"first route after {took:.2f} s")
    assert took >= 4, "the recorded owner might live"


# --- 70: an operator ---------------------------------------------------------------------------------------------------


@long
@row(70, out=NOBODY)
def test_70_in_maintenance_a_database_may_stop_and_a_node_restart(pair, watch):
    for name in DB_HOSTS:
        pair.host(name).exec(["zonevipctl", "maintenance", "on"])
    pair.host(OWNER).mysql_stop()
    time.sleep(4)
    keep(pair, OTHER)
    pair.host(OTHER).agent_start()
    time.sleep(4)
    assert pair.parameter()[0] == OWNER and set(pair.routes().values()) == {OWNER} and pair.holders() == [OWNER]
    pair.host(OWNER).mysql_start()
    pair.wait_for(lambda: pair.status(OWNER)["checks"][0]["verdict"] == "OK", 10, "a good check")
    time.sleep(2)
    watch.end()
    for name in DB_HOSTS:
        pair.host(name).exec(["zonevipctl", "maintenance", "off"])
    time.sleep(3)
    assert pair.wait_for(pair.owner, 10, "an owner")


@long
@row(70, out=5 * T_ACT_S, writes=5 * TWO_TABLES)
def test_70_planned_switchovers_leave_no_overlap(pair):
    owner = OWNER
    for _ in range(5):
        after = next(name for name in DB_HOSTS if name != owner)
        pair.wait_for(lambda: pair.host(owner).exec(["zonevipctl", "switchover"], check=False).returncode == 0, 20, "the switchover to be taken")
        pair.wait_owner(after, 10)
        owner = after
        time.sleep(1)


@long
@row(70)
def test_70_a_switchover_to_one_who_could_not_serve_is_refused(pair):
    pair.host(OTHER).mysql_stop()
    pair.wait_for(lambda: state(pair, OTHER) == "FAULT", 10, f"{OTHER} in FAULT")
    time.sleep(0.5)
    done = pair.host(OWNER).exec(["zonevipctl", "switchover"], check=False)
    assert done.returncode == 1 and "not eligible" in done.stdout + done.stderr
    time.sleep(1)
    assert state(pair, OWNER) == "MASTER"
