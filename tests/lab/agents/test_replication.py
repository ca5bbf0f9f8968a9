# SPDX-License-Identifier: MIT
"""Real replication between the two servers, and a writer through the VIP whose every commit is accounted for."""

import os

import pytest
from commits import Writer, judge, settled
from conftest_agents import BUILD, clean, instance, start, state
from vpc import DB_HOSTS, LabError

WORDS = {"promotion_gate": "wait", "promotion_wait": 5, "promote": "on", "fence": "on", "rejoin": "auto"}
TRACK = {"replication_user": "repl", "replication_password_file": "/etc/zonevip/repl.pw"}


def other(host):
    return next(name for name in DB_HOSTS if name != host)


def read_only(lab, host):
    """A fence ends this question's session, too: then it is asked again."""
    for _ in range(3):
        try:
            return lab.host(host).mysql("SELECT @@read_only") == [["1"]]
        except LabError:
            continue
    return None


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


def test_a_killed_server_comes_back_fenced_and_follows_the_new_owner(replicated):
    lab = replicated
    with Writer(lab, BUILD) as writer:
        lab.wait_for(lambda: writer.acknowledged() > 300, 20, "commits")
        lab.host("DB_Host1").mysql_kill()
        lab.wait_owner("DB_Host2", 10)
        before = writer.acknowledged()
        lab.wait_for(lambda: writer.acknowledged() > before + 300, 10, "commits on DB_Host2")
        lab.host("DB_Host1").mysql_start()  # writable, as its configuration has it
        lab.wait_for(lambda: read_only(lab, "DB_Host1"), 10, "the fence")
        lab.wait_for(lambda: replicates(lab, "DB_Host1", "DB_Host2") or
                     "errant" in instance(lab, "DB_Host1")["database"]["to_do"], 20, "an answer on rejoining")
    errant = instance(lab, "DB_Host1")["database"]["to_do"]
    if not errant:
        settled(lab, "DB_Host2")
    verdict = judge(writer.lines(), lab, "DB_Host2")
    assert verdict.duplicated == [] and verdict.two_sides == 0, verdict
    # What was acknowledged and had not left the old server is lost; then it is said there, by name.
    assert (verdict.lost == [] and verdict.diverged == []) or "errant" in errant, (verdict, dump(lab))
    writer.discard()


def insert(lab, host, n):
    lab.host(host).mysql(f"INSERT INTO mlb.commits (writer, n, server) VALUES (99, {n}, @@server_id)")


def behind(lab):
    """DB_Host2 has stopped receiving; DB_Host1 has five commits more and has told so."""
    lab.host("DB_Host2").mysql("STOP SLAVE IO_THREAD")
    for n in range(5):
        insert(lab, "DB_Host1", n)
    lab.wait_for(lambda: instance(lab, "DB_Host2")["database"]["would_lose"] == 5, 10, "the loss to be known")


def test_a_replica_that_stands_still_is_refused_a_switchover_and_claims_by_policy(replicated):
    lab = replicated
    behind(lab)
    lab.wait_for(lambda: "blocked" in instance(lab, "DB_Host1")["flags"] or
                 lab.host("DB_Host1").exec(["zonevipctl", "switchover", "--dry-run"], check=False).returncode == 1,
                 10, "the refusal")
    refused = lab.host("DB_Host1").exec(["zonevipctl", "switchover"], check=False)
    assert refused.returncode == 1 and "gate is shut" in refused.stdout + refused.stderr
    assert "replication has stopped (receiving thread)" in instance(lab, "DB_Host2")["database"]["gate_reason"]
    lab.host("DB_Host1").mysql_kill()  # dead, and its last five commits with it: `wait` takes over without them
    lab.wait_owner("DB_Host2", 15)
    assert not read_only(lab, "DB_Host2")
    assert "never received" in lab.host("DB_Host2").agent_log()
    insert(lab, "DB_Host2", 100)
    lab.host("DB_Host1").mysql_start()
    lab.wait_for(lambda: "errant" in instance(lab, "DB_Host1")["database"]["to_do"], 20, "the errant transactions")
    assert instance(lab, "DB_Host1")["database"]["to_do"].count(" 0-1-1..5;") == 1
    lab.wait_for(lambda: read_only(lab, "DB_Host1"), 10, "the fence")


def test_by_the_policy_refuse_nothing_known_is_ever_lost(lab):
    set_up(lab, words={"promotion_gate": "refuse"})
    try:
        behind(lab)
        lab.host("DB_Host1").mysql_kill()
        lab.wait_for(lambda: "gate_shut" in instance(lab, "DB_Host2")["not_eligible_because"] and
                     "never received" in instance(lab, "DB_Host2")["database"]["gate_reason"], 15, "BLOCKED")
        assert lab.parameter()[0] == "DB_Host1"
        assert read_only(lab, "DB_Host2")
        lab.host("DB_Host1").mysql_start()
        lab.wait_for(lambda: state(lab, "DB_Host1") == "MASTER" and not read_only(lab, "DB_Host1"), 20, "the return")
    finally:
        for name in DB_HOSTS:
            lab.host(name).agent_stop()
            lab.host(name).mysql_start()
        lab.unreplicate()
        clean(lab)


def test_a_switchover_that_nobody_takes_is_rolled_back(replicated):
    lab = replicated
    lab.wait_for(lambda: not instance(lab, "DB_Host2")["database"]["gate"] == "shut", 5, "an open gate")
    lock = lab.host("DB_Host2").popen(["mariadb", "--no-defaults", "-e", "LOCK TABLES mlb.commits WRITE; DO SLEEP(60)"])
    try:
        lab.wait_for(lambda: lab.host("DB_Host2").mysql(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'")[0] == ["1"], 5, "the lock")
        insert(lab, "DB_Host1", 1)  # arrives there and cannot be applied
        lab.wait_for(lambda: lab.host("DB_Host1").exec(["zonevipctl", "switchover"], check=False).returncode == 0, 10,
                     "the switchover to be taken")
        lab.wait_for(lambda: read_only(lab, "DB_Host1"), 5, "the fence")
        lab.wait_for(lambda: state(lab, "DB_Host1") == "MASTER" and not read_only(lab, "DB_Host1"), 30, "the way back")
        lab.wait_owner("DB_Host1", 5)
        assert read_only(lab, "DB_Host2")
    finally:
        lock.kill()
        lock.wait()


def test_a_hook_may_veto_a_claim_and_is_asked_again(lab):
    hook = ("#!/bin/sh\necho \"$1\" >>/run/zonevip-script/hooks.log\ngrep Gid: /proc/self/status >/run/zonevip-script/hooks.gid\n"
            "[ \"$1\" != gate ] || [ -e /run/zonevip-script/let-it ]\n")
    for name in DB_HOSTS:
        lab.host(name).notify_start()  # it has given up its rights and has to read the new file as the group may
        lab.host(name).exec(["sh", "-c", "cat >/etc/zonevip/hook.sh && chmod 755 /etc/zonevip/hook.sh"], input=hook)
        lab.host(name).exec(["rm", "-f", "/run/zonevip-script/hooks.log", "/run/zonevip-script/let-it"])
    lab.host("DB_Host1").exec(["touch", "/run/zonevip-script/let-it"])
    lab.install_conf(lab.conf_text(vip_instance={"pre_claim": "/etc/zonevip/hook.sh", "pre_release": "/etc/zonevip/hook.sh"}))
    start(lab)
    lab.host("DB_Host1").mysql_kill()
    lab.wait_for(lambda: "gate_shut" in instance(lab, "DB_Host2")["not_eligible_because"], 10, "the veto")
    assert lab.parameter()[0] == "DB_Host1"
    lab.host("DB_Host2").exec(["touch", "/run/zonevip-script/let-it"])
    lab.wait_owner("DB_Host2", 20)
    with open(lab.host("DB_Host2").path("/run/zonevip-script/hooks.log")) as log:
        stages = log.read().split()
    assert stages.count("gate") >= 2 and "promote" in stages, stages
    with open(lab.host("DB_Host2").path("/run/zonevip-script/hooks.gid")) as gids:
        assert str(lab.uid("zonevip")) not in gids.read().split(), "a script has the group that reads the configuration"
    for name in DB_HOSTS:
        lab.host(name).notify_stop()
