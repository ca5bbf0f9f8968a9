# SPDX-License-Identifier: MIT
"""Real replication between the two servers, and a writer through the VIP whose every commit is accounted for."""

import os

import pytest
from commits import Writer, judge, settled
from conftest_agents import BUILD, clean, instance, start, state
from vpc import DB_HOSTS

WORDS = {"promotion_gate": "wait", "promotion_wait": 5, "promote": "on", "fence": "on", "rejoin": "auto"}
TRACK = {"replication_user": "repl", "replication_password_file": "/etc/zonevip/repl.pw"}


def other(host):
    return next(name for name in DB_HOSTS if name != host)


def read_only(lab, host):
    return lab.host(host).mysql("SELECT @@read_only") == [["1"]]


def replicates(lab, host, source):
    rows = lab.host(host).mysql("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'system user'")
    status = lab.host(host).exec(["mariadb", "--no-defaults", "-e", "SHOW REPLICA STATUS\\G"]).stdout
    return rows != [["0"]] and lab.host(source).address in status and "Slave_SQL_Running: Yes" in status


def set_up(lab, words=None, track=None):
    lab.replicate("DB_Host1")
    lab.install_conf(lab.conf_text(vip_instance={**WORDS, **(words or {})}, track_mysql={**TRACK, **(track or {})}))
    start(lab)
    lab.wait_for(lambda: not read_only(lab, "DB_Host1") and read_only(lab, "DB_Host2"), 5, "roles")
    return lab


@pytest.fixture
def replicated(lab):
    set_up(lab)
    yield lab
    lab.heal()
    for name in DB_HOSTS:
        lab.host(name).agent_stop()
        lab.host(name).mysql_start()
    lab.unreplicate()
    clean(lab)


def dump(lab):
    return "\n".join(f"--- {name}\n" + lab.host(name).agent_log()[-4000:] for name in DB_HOSTS)


def ready(lab, host):
    lab.wait_for(lambda: state(lab, host) == "BACKUP" and replicates(lab, host, other(host)) and
                 read_only(lab, host), 20, f"{host} to replicate")
    lab.host(host).exec(["zonevipctl", "ack"])
    lab.wait_for(lambda: instance(lab, host)["eligible"] and "blocked" not in instance(lab, host)["flags"],
                 10, f"{host} to be eligible")


def test_planned_switchovers_under_writes_lose_nothing(replicated):
    lab, owner = replicated, "DB_Host1"
    with Writer(lab, BUILD) as writer:
        lab.wait_for(lambda: writer.acknowledged() > 200, 20, "commits")
        for _ in range(4):
            ready(lab, other(owner))
            lab.wait_for(lambda: lab.host(owner).exec(["zonevipctl", "switchover"], check=False).returncode == 0, 10,
                         "the switchover to be taken")
            owner = other(owner)
            lab.wait_owner(owner, 10)
            before = writer.acknowledged()
            lab.wait_for(lambda: writer.acknowledged() > before + 100, 10, f"commits on {owner}")
    ready(lab, other(owner))
    settled(lab, owner)
    verdict = judge(writer.lines(), lab, owner)
    assert verdict.flawless(), (verdict, dump(lab))
    assert verdict.moves == 4
    print(f"gaps ms: {[round(gap) for gap in verdict.gaps_ms]}, failed {verdict.failed} of {verdict.acknowledged}")
    writer.discard()
