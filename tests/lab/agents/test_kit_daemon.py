# SPDX-License-Identifier: MIT
"""What the torture found in the real daemon, each as a test of its own. Clocks and hanging loops: ../faults, rows 6 and 66."""


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
