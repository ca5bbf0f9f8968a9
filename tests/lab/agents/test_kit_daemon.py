# SPDX-License-Identifier: MIT
"""The kit's shim before the real daemon: it takes hold there, and a main loop that hangs is ended."""

from conftest_agents import instance, nothing_moves, state
from vpc import now_ns


def test_a_wall_clock_that_jumps_a_year_moves_nothing(lab):
    host = lab.host("DB_Host1")
    kit = host.shim()
    host.agent_start()
    lab.wait_owner("DB_Host1", 15)
    assert kit.pid == host.pid("zonevipd")
    since = now_ns()
    kit.clock(realtime_s=365 * 86400)
    lab.wait_for(lambda: instance(lab, "DB_Host1")["state_name"] == "MASTER", 5, "it to answer")
    nothing_moves(lab, since, 2, "DB_Host1")


def test_a_main_loop_that_hangs_is_ended_by_the_watchdog_and_the_restart_adopts(lab):
    host = lab.host("DB_Host1")
    kit = host.shim()
    host.agent_start()
    lab.wait_owner("DB_Host1", 15)
    since = now_ns()
    rule = kit.stall("epoll_wait", thread="main")
    lab.wait_for(lambda: host.agent_status()["restarts"] == 1 or not rule.active, 30, "the watchdog")
    rule.release()
    ends = [line for line in lab.history(since=since, event="process", host="DB_Host1") if line["what"] == "watchdog"]
    assert len(ends) == 1
    assert (ends[0]["t_ns"] - since) / 1e9 < 15, "WatchdogSec=5, and a busy machine"
    lab.wait_for(lambda: host.agent_status()["ready"], 15, "the restart")
    lab.wait_for(lambda: state(lab, "DB_Host1") == "MASTER", 15, "adoption")
    assert instance(lab, "DB_Host1")["reason"] == "adopted"


def test_a_stop_does_not_wait_for_a_notify_runner_that_is_away(lab):
    """Found by the torture: the moment that was left for the last notification began anew at every tick."""
    host = lab.host("DB_Host1")
    host.agent_start()
    lab.wait_owner("DB_Host1", 15)
    host.notify_stop()
    host.agent_stop()  # returns when it has ended; after TimeoutStopSec the supervisor would have killed it
    assert host.agent_status()["last_exit"] == "exit 0"
    assert lab.holders() == []


def test_a_loop_that_the_kernel_refuses_to_serve_ends_with_a_reason_and_the_restart_serves(lab):
    host = lab.host("DB_Host1")
    kit = host.shim()
    kit.fail("epoll_wait", "EBADF", thread="main", skip=20, times=1)
    host.agent_start(wait=False)
    lab.wait_for(lambda: host.agent_status()["restarts"] == 1, 30, "it to end")
    assert host.agent_status()["last_exit"] == "exit 71"
    assert "event=loop_failed" in host.agent_log()
    lab.wait_owner("DB_Host1", 20)
