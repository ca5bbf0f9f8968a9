# SPDX-License-Identifier: MIT
"""Whatever hangs, heartbeats leave on time: by the sender's own count and by the receiver's."""

import time

import pytest
from conftest_agents import instance
from vpc import DB_HOSTS


def late(lab):
    return {name: lab.status(name)["loop"]["hello_late_count"] for name in DB_HOSTS}


HANGS = {
    "EC2 and SSM accept and say nothing": lambda lab: lab.fault("*", hang=True),
    "one byte a second": lambda lab: lab.fault("*", drip=1),
    "a resolver that never answers": lambda lab: [lab.host(name).dns("hang") for name in DB_HOSTS],
    "IMDS hangs": lambda lab: [lab.host(name).imds("hang") for name in DB_HOSTS],
    "the endpoint is unreachable": lambda lab: [lab.cut(name, "aws") for name in DB_HOSTS],
    "mysqld is stopped in its tracks on the standby": lambda lab: lab.host("DB_Host2").signal("mysqld", "STOP"),
}


@pytest.mark.parametrize("name", HANGS)
def test_heartbeats_are_never_more_than_50_ms_late(pair, name):
    before = late(pair)
    HANGS[name](pair)
    time.sleep(4)
    during = late(pair)
    pair.heal()
    for host in DB_HOSTS:
        pair.host(host).dns("ok")
        pair.host(host).imds("ok")
    pair.host("DB_Host2").signal("mysqld", "CONT")
    time.sleep(2)
    assert during == before, "during"
    assert late(pair) == before, "after"
    assert instance(pair, "DB_Host1")["state_name"] == "MASTER"
    assert all(peer["proven"] for name in DB_HOSTS for peer in pair.status(name)["peers"])
