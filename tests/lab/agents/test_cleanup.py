# SPDX-License-Identifier: MIT
"""zonevip-cleanup: what it takes away, what it leaves, and when it does nothing. After a crash: ../faults, row 2."""

import pytest

from conftest_agents import state
from vpc import VIP

CLEANUP = "/usr/local/sbin/zonevip-cleanup"


def labels(host):
    words = host.exec(["ip", "-o", "-4", "addr", "show", "dev", "eth0"]).stdout.split()
    return [word.rstrip("\\") for word in words if word.startswith("eth0:")]


def add(host, address, label):
    host.exec(["ip", "addr", "add", address, "dev", "eth0", "label", label])


@pytest.fixture
def host(lab):
    return lab.host("DB_Host2")


def test_it_refuses_while_an_agent_runs(pair):
    host = pair.host("DB_Host1")
    done = host.exec([CLEANUP, "-l"], check=False)
    assert done.returncode == 1 and "event=cleanup_refused" in done.stderr
    assert labels(host) == ["eth0:1"] and state(pair, "DB_Host1") == "MASTER"


def test_it_knows_its_addresses_by_prefix_and_label(host):
    add(host, VIP + "/32", "eth0:9")
    assert host.exec([CLEANUP, "-l"]).stderr == ""
    assert labels(host) == ["eth0:9"]
    host.exec(["ip", "addr", "del", VIP + "/32", "dev", "eth0"])
    add(host, VIP + "/24", "eth0:1")
    host.exec([CLEANUP, "-l"])
    assert labels(host) == ["eth0:1"]
    host.exec(["ip", "addr", "del", VIP + "/24", "dev", "eth0"])
    add(host, VIP + "/32", "eth0:1")
    host.exec([CLEANUP, "-l"])
    assert labels(host) == []


def test_without_the_capability_it_says_what_it_left(host):
    add(host, VIP + "/32", "eth0:1")
    done = host.exec([CLEANUP, "-l"], user="zonevip", check=False)
    assert done.returncode == 71 and "event=alias_left" in done.stderr and "ermi" in done.stderr


def test_a_bad_configuration_is_said_and_nothing_is_touched(lab, host):
    add(host, VIP + "/32", "eth0:1")
    lab.install_conf("nonsense\n")
    done = host.exec([CLEANUP, "-l"], check=False)
    assert done.returncode == 78 and "zonevip.conf:1:1" in done.stderr
    assert labels(host) == ["eth0:1"]
