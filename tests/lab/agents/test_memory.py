# SPDX-License-Identifier: MIT
"""What outlives the daemon: the state file and the journal (FAULTS rows 10, 63, 68 and 70)."""

import os
import re
import shutil
import subprocess
import tempfile
import time

import pytest
from conftest_agents import BUILD, STATE, instance, nothing_moves, start, state, writes
from vpc import DB_HOSTS, now_ns

ENTERING = re.compile(r"\((\w+)\) Entering (\w+) STATE from=(\w+) reason=(\w+)")


def path(lab, host, name):
    return lab.host(host).path(f"{STATE}/{name}")


def transitions(text):
    return ENTERING.findall(text)


def replay(lab, host, *options):
    """On a copy, by somebody without rights."""
    with tempfile.TemporaryDirectory() as copy:
        os.chmod(copy, 0o755)
        shutil.copy(f"{BUILD}/zonevipd", copy)
        for name in os.listdir(path(lab, host, "")):
            if name.startswith("journal."):
                shutil.copyfile(path(lab, host, name), f"{copy}/{name}")
                os.chmod(f"{copy}/{name}", 0o644)
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"{copy}/zonevipd",
                               "--replay", copy, *options], capture_output=True, text=True, timeout=60, check=False)


def settle():
    """Longer than the second for which the daemon gathers records."""
    time.sleep(1.5)


def memory(lab, host):
    return lab.status(host)["state"]


def test_a_replay_tells_the_same_transitions_as_the_log(pair):
    db1, db2 = pair.host("DB_Host1"), pair.host("DB_Host2")
    logged = {host.name: len(host.agent_log()) for host in (db1, db2)}
    db1.mysql_kill()
    pair.wait_owner("DB_Host2", 5)
    db1.mysql_start()
    pair.wait_for(lambda: state(pair, "DB_Host1") == "BACKUP", 10, "DB_Host1 to recover")
    db1.exec(["zonevipctl", "ack"])
    pair.wait_for(lambda: instance(pair, "DB_Host1")["eligible"], 5, "DB_Host1 to be eligible")
    settle()
    db2.agent_kill(restart=True)
    pair.wait_for(lambda: db2.agent_status()["ready"], 5, "the restart")
    pair.wait_for(lambda: state(pair, "DB_Host2") == "MASTER", 5, "adoption")
    pair.wait_for(lambda: db2.exec(["zonevipctl", "switchover", "--to", "DB_Host1"], check=False).returncode == 0, 5,
                  "DB_Host1 to be heard as eligible")
    pair.wait_owner("DB_Host1", 5)
    settle()
    for host in (db1, db2):
        done = replay(pair, host.name)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        told = transitions(host.agent_log()[logged[host.name]:])
        assert len(told) >= 3
        assert transitions(done.stdout)[-len(told):] == told
        assert " 0 differ; 0 gaps" in done.stdout.splitlines()[-1]
    assert "command: switchover to DB_Host1" in done.stdout
    assert re.search(r"check \w+: dead", replay(pair, "DB_Host1").stdout)
    everything = replay(pair, "DB_Host2", "-D").stdout
    assert everything.count("tick") > 10
    key = open(db1.root + "/etc/zonevip/heartbeat.key", "rb").read()
    files = [open(path(pair, host.name, name), "rb").read() for host in (db1, db2)
             for name in os.listdir(path(pair, host.name, ""))]
    assert len(files) >= 4 and all(key not in text and b"SecretAccessKey" not in text for text in files)


def test_a_damaged_journal_is_told_as_far_as_it_goes(pair, tmp_path):
    settle()
    settle()
    name = path(pair, "DB_Host1", "journal.0")
    with open(name, "rb") as stream:
        text = stream.read()
    (tmp_path / "cut").write_bytes(text[:-7])
    (tmp_path / "hurt").write_bytes(text[:-400] + b"\0" * 20 + text[-380:])
    (tmp_path / "foreign").write_bytes(b"this is no journal" * 100)
    run = {which: subprocess.run([f"{BUILD}/zonevipd", "--replay", str(tmp_path / which)], capture_output=True,
                                 text=True, timeout=60, check=False) for which in ("cut", "hurt", "foreign")}
    assert run["cut"].returncode == 0 and "0 gaps" in run["cut"].stdout
    assert run["hurt"].returncode == 0 and "GAP: damaged" in run["hurt"].stdout
    assert run["foreign"].returncode == 65 and "foreign" in run["foreign"].stderr


def test_maintenance_outlives_restarts_while_the_database_stops_and_nothing_moves(pair):
    since = now_ns()
    for name in DB_HOSTS:
        pair.host(name).exec(["zonevipctl", "maintenance", "on", "--for", "2h", "--reason", "new kernel, slowly"])
    pair.host("DB_Host1").mysql_stop()
    time.sleep(2)
    for name in DB_HOSTS:
        settle()
        host = pair.host(name)
        host.agent_kill(restart=True)
        pair.wait_for(lambda h=host: h.agent_status()["ready"], 5, "the restart")
        pair.wait_for(lambda n=name: state(pair, n) in ("MASTER", "BACKUP"), 10, "a decision")
        shown = instance(pair, name)
        assert shown["maintenance"] and shown["maintenance_reason"] == "new kernel, slowly"
        assert 7000 < shown["maintenance_s"] <= 7200
    time.sleep(6)  # longer than D + G
    assert state(pair, "DB_Host1") == "MASTER" and state(pair, "DB_Host2") == "BACKUP"
    assert pair.holders() == ["DB_Host1"]
    assert writes(pair, since) == []
    assert [line for line in pair.history(since=since, event="address") if line["address"] == "10.1.5.5"] == []
    pair.host("DB_Host2").exec(["zonevipctl", "maintenance", "off"])
    pair.wait_for(lambda: instance(pair, "DB_Host2")["eligible"], 10, "DB_Host2 to be eligible")
    pair.host("DB_Host1").exec(["zonevipctl", "maintenance", "off"])
    pair.wait_owner("DB_Host2", 10)


def test_maintenance_with_an_end_ends_by_itself_even_over_a_restart(pair):
    host = pair.host("DB_Host1")
    host.exec(["zonevipctl", "maintenance", "on", "--for", "4s"])
    settle()
    host.agent_kill(restart=True)
    pair.wait_for(lambda: host.agent_status()["ready"], 5, "the restart")
    pair.wait_for(lambda: not instance(pair, "DB_Host1")["maintenance"], 15, "the end")
    pair.wait_for(lambda: "event=maintenance_over" in host.agent_log(), 5, "a line that says so")
    assert pair.holders() == ["DB_Host1"]


def test_standby_outlives_a_restart(pair):
    host = pair.host("DB_Host1")
    host.exec(["zonevipctl", "standby", "on"])
    pair.wait_owner("DB_Host2", 5)
    settle()
    host.agent_kill(restart=True)
    pair.wait_for(lambda: host.agent_status()["ready"], 5, "the restart")
    pair.wait_for(lambda: state(pair, "DB_Host1") == "MAINT", 5, "DB_Host1 to stay out")
    nothing_moves(pair, now_ns(), 3, "DB_Host2")
    host.exec(["zonevipctl", "standby", "off"])
    pair.wait_for(lambda: state(pair, "DB_Host1") == "BACKUP", 5, "DB_Host1 to come back")


@pytest.mark.parametrize("planted", ["garbage", "empty", "of another node", "symlink", "fifo"])
def test_a_state_file_that_cannot_be_believed_is_ignored_with_one_warning(lab, planted):
    host = lab.host("DB_Host1")
    name = f"{STATE}/state"
    outside = f"{STATE}/outside"
    if planted == "of another node":
        lab.host("DB_Host2").agent_start()
        lab.wait_for(lambda: os.path.exists(path(lab, "DB_Host2", "state")), 5, "a state file")
        lab.host("DB_Host2").agent_stop()
        shutil.copyfile(path(lab, "DB_Host2", "state"), path(lab, "DB_Host1", "state"))
        host.exec(["chown", "--reference", STATE, name])
        lab.set_parameter(None)
    else:
        host.exec(["sh", "-c", {"garbage": f"printf 'zonevip-state 1\\nlife=%%n' >{name}", "empty": f": >{name}",
                                "symlink": f"echo mine >{outside}; ln -s outside {name}",
                                "fifo": f"mkfifo {name}"}[planted]])
        host.exec(["chown", "-h", "--reference", STATE, name])
    before = host.agent_log().count("event=state_ignored")
    start(lab)
    assert host.agent_log().count("event=state_ignored") - before == 1
    assert f"file={name}" in host.agent_log().rpartition("event=state_ignored")[2].splitlines()[0]
    lab.wait_for(lambda: os.path.isfile(path(lab, "DB_Host1", "state")) and not os.path.islink(path(lab, "DB_Host1", "state")),
                 10, "a state file of its own")
    assert oct(os.stat(path(lab, "DB_Host1", "state")).st_mode & 0o7777) == "0o600"
    if planted == "symlink":
        assert open(path(lab, "DB_Host1", "outside")).read() == "mine\n"


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_state_directory_that_cannot_be_written_blocks_nothing_and_is_counted(lab, trouble):
    host = lab.host("DB_Host1")
    if trouble == "full":
        host.exec(["mount", "-t", "tmpfs", "-o", f"size=64k,mode=700,uid={lab.uid('zonevip')}", "tmpfs", STATE])
        host.exec(["sh", "-c", f"head -c 1m /dev/zero >{STATE}/filler || :"])
    else:
        host.exec(["mount", "-o", "remount,ro", STATE])
    try:
        start(lab)
        since = now_ns()
        lab.wait_for(lambda: memory(lab, "DB_Host1")["failed"] > 0, 20, "the failure to be counted")
        lab.wait_for(lambda: memory(lab, "DB_Host1")["journal_lost"] > 2, 20, "the loss to be counted")
        assert memory(lab, "DB_Host1")["error"] and memory(lab, "DB_Host1")["journal_error"]
        nothing_moves(lab, since, 3, "DB_Host1")
        assert lab.status("DB_Host1")["loop"]["hello_late_count"] == 0
        assert lab.status("DB_Host1")["heartbeat"]["send_failed"] == 0
        assert host.agent_log().rpartition("event=started")[2].count("event=state_directory") <= 4
        host.mysql_kill()
        lab.wait_owner("DB_Host2", 5)
    finally:
        host.agent_stop()
        if trouble == "full":
            host.exec(["umount", STATE])
        else:
            host.exec(["mount", "-o", "remount,rw", STATE])


def test_a_small_disk_keeps_room_for_the_state(lab):
    host = lab.host("DB_Host1")
    host.exec(["mount", "-t", "tmpfs", "-o", f"size=64k,mode=700,uid={lab.uid('zonevip')}", "tmpfs", STATE])
    host.exec(["sh", "-c", f"head -c 50k /dev/zero >{STATE}/filler"])
    try:
        start(lab)
        lab.wait_for(lambda: memory(lab, "DB_Host1")["journal_lost"] > 0, 60, "the journal to find no room")
        assert memory(lab, "DB_Host1")["failed"] == 0
        host.exec(["zonevipctl", "maintenance", "on"])
        lab.wait_for(lambda: b"maintenance=1" in open(path(lab, "DB_Host1", "state"), "rb").read(), 10, "the state")
        assert lab.status("DB_Host1")["loop"]["hello_late_count"] == 0
    finally:
        host.agent_stop()
        host.exec(["umount", STATE])
