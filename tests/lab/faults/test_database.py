# SPDX-License-Identifier: MIT
"""Rows 11 to 20: what can be wrong with a mysqld, which of it moves the VIP, how fast, and what is said."""

import time

import pytest
from conftest_agents import clean, double, instance, last_words, nothing_moves, start, state, writes
from faults.bounds import HUNG_S, LEAVE_S, REFUSED_S, TWO_TABLES, row
from vpc import DB_HOSTS, now_ns

OWNER, OTHER = DB_HOSTS
BOTH_DEAD_S = 30  # nobody could serve: as long as the test lets both lie


def check(lab, host):
    return lab.status(host)["checks"][0]


def verdict(lab, host):
    return check(lab, host)["verdict"]


def wait_verdict(lab, host, word, seconds=10):
    lab.wait_for(lambda: verdict(lab, host) == word, seconds, f"{word} on {host}, now {check(lab, host)}")


def with_words(lab, **track):
    lab.install_conf(lab.conf_text(track_mysql=track))
    start(lab)


def probing(lab):
    """The owner's row is written again and again, and that is all well."""
    with_words(lab, write_probe="on")
    beat = "SELECT beat FROM zonevip.heartbeat WHERE node='DB_Host1'"
    first = lab.host(OWNER).mysql(beat)
    lab.wait_for(lambda: lab.host(OWNER).mysql(beat) not in ([], first), 10, "the row to be written")
    wait_verdict(lab, OWNER, "OK")


@pytest.fixture(autouse=True)
def databases_as_they_were(lab):
    yield
    for name in DB_HOSTS:
        lab.host(name).mysql_start()
        lab.host(name).mysql("SET GLOBAL read_only=0; SET GLOBAL max_connections=151; "
                             "ALTER USER zonevip@localhost IDENTIFIED VIA unix_socket")
    clean(lab)


@pytest.mark.parametrize("fault", ["mysql_stop", "mysql_kill"])
@row(11, out=REFUSED_S + LEAVE_S, writes=TWO_TABLES)
def test_11_mysqld_stopped_or_killed_moves_everything_and_its_return_nothing(pair, fault):
    getattr(pair.host(OWNER), fault)()
    pair.wait_owner(OTHER, 5)
    pair.wait_for(lambda: pair.holders() == [OTHER], 2, f"the alias on {OTHER} alone")
    assert state(pair, OWNER) == "FAULT"
    pair.host(OWNER).mysql_start()
    pair.wait_for(lambda: state(pair, OWNER) == "BACKUP", 10, f"{OWNER} to recover")
    nothing_moves(pair, now_ns(), 2, OTHER)
    assert "hold" in instance(pair, OWNER)["not_eligible_because"]


@row(12, out=HUNG_S + LEAVE_S, writes=TWO_TABLES)
def test_12_a_stopped_mysqld_moves_the_vip_and_heartbeats_stay_on_time(pair):
    late = {name: pair.status(name)["loop"]["hello_late_count"] for name in DB_HOSTS}
    since = now_ns()
    pair.host(OWNER).signal("mysqld", "STOP")
    pair.wait_owner(OTHER, 10)
    took = (max(line["t_done_ns"] for line in writes(pair, since)) - since) / 1e9
    print(f"SIGSTOP to the last route: {took:.2f} s")
    assert took < 5  # 2.8 s unloaded
    assert verdict(pair, OWNER) == "HUNG"
    assert double(pair, since) == 0
    assert late == {name: pair.status(name)["loop"]["hello_late_count"] for name in DB_HOSTS}
    pair.host(OWNER).signal("mysqld", "CONT")
    wait_verdict(pair, OWNER, "OK")


@row(17, mis=1.6)  # the stops themselves
def test_17_short_stops_of_mysqld_move_nothing(pair):
    since = now_ns()
    for _ in range(2):
        pair.host(OWNER).signal("mysqld", "STOP")
        time.sleep(0.7)
        pair.host(OWNER).signal("mysqld", "CONT")
        time.sleep(0.6)
    nothing_moves(pair, since, 1, OWNER)


@row(13)
def test_13_a_full_server_is_alive_and_said_so(pair):
    host = pair.host(OWNER)
    host.mysql("SET GLOBAL max_connections=12")
    sessions = [host.popen(["mariadb", "--no-defaults", "-e", "SELECT SLEEP(60)"]) for _ in range(12)]
    try:
        since = now_ns()
        wait_verdict(pair, OWNER, "FULL")
        nothing_moves(pair, since, 3, OWNER)
        assert "connections taken" in check(pair, OWNER)["evidence"]
    finally:
        for session in sessions:
            session.kill()
    wait_verdict(pair, OWNER, "OK")


@row(14)
def test_14_read_only_on_the_owner_is_said_and_moves_nothing(pair):
    since = now_ns()
    pair.host(OWNER).mysql("SET GLOBAL read_only=1")
    wait_verdict(pair, OWNER, "READONLY")
    nothing_moves(pair, since, 2, OWNER)


@row(14, out=REFUSED_S + LEAVE_S, writes=TWO_TABLES)
def test_14_read_only_on_the_owner_moves_the_vip_where_it_must_be_writable(lab, watch):
    with_words(lab, unfit_on="readonly hung dead")
    watch.begin()
    lab.host(OWNER).mysql("SET GLOBAL read_only=1")
    lab.wait_owner(OTHER, 10)


@row(15)
def test_15_a_changed_password_on_both_is_no_outage(pair):
    since = now_ns()
    for name in DB_HOSTS:
        pair.host(name).mysql("ALTER USER zonevip@localhost IDENTIFIED BY 'other'")
        ids = pair.host(name).mysql("SELECT id FROM information_schema.processlist WHERE user='zonevip'")
        for row in ids:
            pair.host(name).mysql(f"KILL {row[0]}")
    for name in DB_HOSTS:
        wait_verdict(pair, name, "AUTH")
        assert "zonevip" in check(pair, name)["evidence"]
    nothing_moves(pair, since, 3, OWNER)
    assert pair.holders() == [OWNER]
    assert "no_check_verdict" in instance(pair, OTHER)["not_eligible_because"]


@row(16, out=2, mis=BOTH_DEAD_S, writes=TWO_TABLES)
def test_16_with_both_databases_dead_the_address_stays_and_the_first_to_recover_serves(pair):
    pair.host(OTHER).mysql_kill()
    pair.wait_for(lambda: state(pair, OTHER) == "FAULT", 5, f"{OTHER} in FAULT")
    since = now_ns()
    pair.host(OWNER).mysql_kill()
    pair.wait_for(lambda: state(pair, OWNER) == "FAULT", 5, f"{OWNER} in FAULT")
    time.sleep(2)
    assert writes(pair, since) == []
    assert pair.holders() == [OWNER]
    pair.host(OTHER).mysql_start()
    pair.wait_owner(OTHER, 15)
    pair.wait_for(lambda: pair.holders() == [OTHER], 5, "one alias")


@row(18, out=HUNG_S + LEAVE_S, writes=TWO_TABLES)
def test_18_a_full_disk_is_found_by_the_write_probe(lab, watch):
    probing(lab)
    watch.begin()
    host = lab.host(OWNER)
    host.exec(["sh", "-c", "dd if=/dev/zero of=/var/lib/mysql/filler bs=1M 2>/dev/null || true"])
    try:
        lab.wait_owner(OTHER, 30)
        assert "verdict=STALLED" in last_words(lab)
        watch.end()
    finally:
        host.exec(["rm", "-f", "/var/lib/mysql/filler"])
        host.mysql_kill()


@row(18, out=HUNG_S + LEAVE_S, writes=TWO_TABLES)
def test_18_a_stalled_commit_is_found_by_the_write_probe_and_not_piled_up(lab, watch):
    probing(lab)
    watch.begin()
    host = lab.host(OWNER)
    lock = host.popen(["mariadb", "--no-defaults", "-e", "FLUSH TABLES WITH READ LOCK; SELECT SLEEP(60)"])
    try:
        wait_verdict(lab, OWNER, "STALLED")
        lab.wait_owner(OTHER, 10)
        time.sleep(3)
        stuck = host.mysql("SELECT COUNT(*) FROM information_schema.processlist WHERE user='zonevip' AND command='Query'")
        assert int(stuck[0][0]) <= 1
    finally:
        lock.kill()
        lock.wait()
    wait_verdict(lab, OWNER, "OK")

