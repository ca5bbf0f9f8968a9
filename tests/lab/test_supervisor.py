# SPDX-License-Identifier: MIT
"""The supervisor's contract, by a stand-in daemon that keeps the unit's side of it; mysqld; freezing."""

import os
import signal
import subprocess
import time

import pytest

from vpc import VIP, LabError, freezer, now_ns


@pytest.fixture
def host(lab):
    return lab.host("DB_Host1")


def process_events(lab, since, service="zonevipd"):
    return [line for line in lab.history(since=since, event="process", host="DB_Host1")
            if line["service"] == service]


def whats(lab, since, service="zonevipd"):
    return [line["what"] for line in process_events(lab, since, service)]


def state_of(pid):
    with open(f"/proc/{pid}/stat") as stream:
        return stream.read().rpartition(")")[2].split()[0]


def alias_on(host):
    host.exec(["ip", "addr", "add", VIP + "/32", "dev", "eth0", "label", "eth0:1"])


# --- the agent ---


def test_start_returns_when_the_daemon_is_ready_and_stop_when_it_has_ended(lab, host):
    since = now_ns()
    host.agent_start()
    assert host.agent_status()["state"] == "active"
    assert host.services()["zonevip-notify"]["state"] == "active"
    host.agent_stop()
    view = host.agent_status()
    assert (view["state"], view["pid"], view["last_exit"]) == ("inactive", 0, "exit 0")
    assert whats(lab, since) == ["started", "ready", "stopping", "exited"]


def test_the_daemon_runs_as_its_user_with_net_admin_and_nothing_else(lab, host):
    host.agent_start()
    lab.wait_for(lambda: "Cap" in host.agent_log(), 2, "the stand-in's word")
    log = host.agent_log().splitlines()
    assert log[-2].startswith(f"uid {lab.uid('zonevip')} argv ['-n', '-l', '-f', '/etc/zonevip/zonevip.conf']")
    for line in ("CapEff:\\t0000000000001000", "CapPrm:\\t0000000000001000", "CapBnd:\\t0000000000001000",
                 "CapAmb:\\t0000000000001000", "NoNewPrivs:\\t1", "Groups:\\t \\n"):
        assert line in log[-1], line


def test_a_killed_daemon_is_started_again_after_200_ms(lab, host):
    host.agent_start()
    since, first = now_ns(), host.pid("zonevipd")
    host.agent_kill()
    lab.wait_for(lambda: host.agent_status()["state"] == "active", 3, "the restart")
    view = host.agent_status()
    assert (view["restarts"], view["last_exit"]) == (1, "signal SIGKILL") and view["pid"] != first
    events = {line["what"]: line["t_ns"] for line in process_events(lab, since)}
    assert 0.2 <= (events["started"] - events["exited"]) / 1e9 < 0.45


def test_killed_for_good_it_stays_down_and_the_clean_up_takes_the_alias(lab, host):
    host.agent_start()
    alias_on(host)
    since = now_ns()
    host.agent_kill(restart=False)
    assert lab.holders() == []
    time.sleep(0.4)
    assert host.agent_status()["state"] == "failed"
    assert whats(lab, since) == ["exited", "gave-up", "cleanup"]
    host.agent_start()
    alias_on(host)
    host.agent_kill(restart=False, cleanup=False)
    assert lab.holders() == ["DB_Host1"] and host.agent_status()["state"] == "failed"


def test_five_starts_in_ten_seconds_are_the_limit(lab, host):
    alias_on(host)
    open(host.path("/run/zonevip/refuse"), "w").close()
    since = now_ns()
    with pytest.raises(LabError, match="zonevipd did not start: exit 1.*refused as ordered"):
        host.agent_start()
    os.unlink(host.path("/run/zonevip/refuse"))
    lab.wait_for(lambda: "cleanup" in whats(lab, since), 3, "the clean-up")
    assert whats(lab, since) == ["started", "exited"] * 5 + ["gave-up", "cleanup"]
    assert lab.holders() == []
    host.agent_start()


def test_a_daemon_that_does_not_feed_its_watchdog_is_killed_and_restarted(lab, host):
    host.agent_start()
    since = now_ns()
    host.signal("zonevipd", "USR1")
    lab.wait_for(lambda: "watchdog" in whats(lab, since), 9, "the watchdog")
    lab.wait_for(lambda: host.agent_status()["state"] == "active", 3, "the restart")
    events = process_events(lab, since)
    assert [event["what"] for event in events] == ["watchdog", "exited", "started", "ready"]
    assert events[1]["status"] == "signal SIGKILL"
    assert 4.5 < (events[0]["t_ns"] - since) / 1e9 < 7  # 5 s, and a busy machine's lateness


def test_a_stopped_daemon_is_killed_by_its_watchdog_too(lab, host):
    host.agent_start()
    since = now_ns()
    host.signal("zonevipd", "STOP")
    assert state_of(host.outer_pid("zonevipd")) == "T"
    lab.wait_for(lambda: "ready" in whats(lab, since), 10, "the restart")
    assert whats(lab, since) == ["watchdog", "exited", "started", "ready"]


def test_stop_and_cont_and_heal(lab, host):
    host.agent_start()
    for undo in (lambda: host.signal("zonevipd", "CONT"), lab.heal):
        host.signal("zonevipd", "STOP")
        assert state_of(host.outer_pid("zonevipd")) == "T" and lab.faults()[0]["kind"] == "stopped"
        undo()
        lab.wait_for(lambda: state_of(host.outer_pid("zonevipd")) in "SR", 1, "it to run on")
        assert lab.faults() == []


def test_status_asks_the_hosts_own_zonevipctl(lab):
    assert lab.status("DB_Host2") == {"asked": "json"}


def test_notify_script_leaves_its_arguments_with_the_time(lab, host):
    before = len(host.notifications())
    since = now_ns()
    host.exec(["/etc/zonevip/notify.sh", "INSTANCE", "MasterDB", "MASTER", "150"], user="zonevip-script")
    call = host.notifications()[before]
    assert call["arguments"] == ["INSTANCE", "MasterDB", "MASTER", "150"]
    assert since - 1_000_000 < call["t_ns"] < now_ns() + 1_000_000


# --- mysqld ---


def test_mysqld_stops_starts_and_dies_as_told_and_does_not_come_back_by_itself(lab, host):
    ask = ["mariadb", "--no-defaults", "-h", "10.0.2.10", "-u", "webapp", "-pplay-ball-30", "-BN", "-e", "SELECT 1"]
    web = lab.host("web_host1")
    for end, status in ((host.mysql_stop, "exit 0"), (host.mysql_kill, "signal SIGKILL")):
        assert web.exec(ask).stdout == "1\n"
        since = now_ns()
        end()
        assert host.services()["mysqld"]["last_exit"] == status and host.pid("mysqld") == 0
        assert "Can't connect" in web.exec(ask, check=False).stderr
        host.mysql_start()
        assert "ready" in whats(lab, since, "mysqld")
    assert web.exec(ask).stdout == "1\n"


# --- freezing ---


def test_a_frozen_mysqld_answers_nobody_until_it_is_thawed(lab, host):
    host.freeze("mysqld")
    with pytest.raises(subprocess.TimeoutExpired):
        host.exec(["mariadb", "--no-defaults", "-S", "/run/mysqld/mysqld.sock", "-e", "SELECT 1"], timeout=0.5)
    assert {"kind": "frozen", "what": "DB_Host1"} in lab.faults()
    host.thaw()
    assert host.mysql("SELECT 1") == [["1"]] and lab.faults() == []
    host.freeze()
    lab.heal()
    assert host.mysql("SELECT 1") == [["1"]]


@pytest.mark.parametrize("version", [1, 2])
def test_either_freezer_lets_go_of_a_process_that_was_killed_frozen(monkeypatch, tmp_path, version):
    roots = [entry for entry in freezer._roots() if entry[1] == (version == 2)]
    if not roots:
        pytest.skip(f"no cgroup v{version} freezer on this machine")
    monkeypatch.setattr(freezer, "_roots", lambda: roots)
    process = subprocess.Popen(["sleep", "100"])
    one = freezer.Freezer(freezer.prefix(str(tmp_path)))
    one.freeze("test", [process.pid])
    path = f"{roots[0][0]}/{freezer.prefix(str(tmp_path))}.test"
    assert os.path.isdir(path)
    process.send_signal(signal.SIGKILL)
    freezer.remove_all(str(tmp_path))
    assert process.wait(5) == -signal.SIGKILL
    freezer.remove_all(str(tmp_path))
    assert not os.path.exists(path)
