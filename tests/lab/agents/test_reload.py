# SPDX-License-Identifier: MIT
"""Another configuration while everything goes on (FAULTS rows 61 and 67)."""

import os
import re
import time

import pytest
from conftest_agents import instance, nothing_moves, state, writes
from test_memory import replay, settle, transitions
from vpc import DB_HOSTS, VIP, now_ns

SECOND = "10.1.5.6"
PATH = "/etc/zonevip/zonevip.conf"
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


long_one = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="takes long: set ZONEVIP_LONG=1")


def reload(lab, host, *words, check=True):
    return lab.host(host).exec(["zonevipctl", "reload", *words], check=check)


def config(lab, host):
    return lab.status(host)["config"]


def install(lab, text):
    """On both, and both take it."""
    lab.install_conf(text)
    for name in DB_HOSTS:
        assert reload(lab, name).stdout.startswith("OK "), name


def pids(lab):
    return [lab.status(name)["pid"] for name in DB_HOSTS]


def other_instance(name, parameter):
    return f"""
vip_instance {name} {{
	interface eth0
	virtual_ipaddress {{
		{SECOND}/32 label eth0:2
	}}
	route_table {{
		rtb-0a1b2c3d4e5f60001
	}}
	parameter {parameter}
	track_mysql local
}}
"""


def named(lab, host, name):
    return next(i for i in lab.status(host)["instances"] if i["iname"] == name)


def test_a_reload_takes_what_changed_and_moves_nothing(pair):
    before, since = pids(pair), now_ns()
    connects = [pair.status(name)["aws"]["connects"] for name in DB_HOSTS]
    digests = {config(pair, name)["digest"] for name in DB_HOSTS}
    assert "nothing would change" in reload(pair, "DB_Host1", "--dry-run").stdout
    text = pair.conf_text(heartbeat={"verify_master": 3, "hold": 30}, track_mysql={"fall": 4}, vip_instance={"isolation": "fence"})
    pair.install_conf(text)
    shown = reload(pair, "DB_Host1", "--dry-run").stdout.splitlines()
    assert {"- heartbeat hold 60", "+ heartbeat hold 30", "- track_mysql local fall 2", "+ track_mysql local fall 4",
            "- vip_instance MasterDB isolation hold", "+ vip_instance MasterDB isolation fence"} <= set(shown)
    assert not [line for line in shown if line.startswith("=")], shown  # no shell is concerned
    assert config(pair, "DB_Host1")["digest"] in digests  # nothing was done
    assert "OK reloaded" in reload(pair, "DB_Host1").stdout
    pair.host("DB_Host2").agent_reload()
    pair.wait_for(lambda: config(pair, "DB_Host1")["digest"] == config(pair, "DB_Host2")["digest"] not in digests, 5, "the signal")
    nothing_moves(pair, since, 3, "DB_Host1")
    assert pids(pair) == before
    assert connects == [pair.status(name)["aws"]["connects"] for name in DB_HOSTS]
    assert all(peer["proven"] for name in DB_HOSTS for peer in pair.status(name)["peers"])


def test_a_bad_file_changes_nothing_and_is_said_until_it_is_mended(pair):
    good, since = pair.conf_text(), now_ns()
    digest = config(pair, "DB_Host1")["digest"]
    pair.install_conf(good.replace("priority 150", "priorty 150"), host="DB_Host1")
    for words in ((), ("--dry-run",)):
        refused = reload(pair, "DB_Host1", *words, check=False)
        assert refused.returncode == 1 and re.search(rf"{PATH}:\d+:\d+: .*priorty", refused.stderr)
    assert "priorty" in config(pair, "DB_Host1")["reload_error"]
    assert "the last reload failed" in pair.host("DB_Host1").exec(["zonevipctl", "status"]).stdout
    pair.install_conf(good.replace("cluster orders-db", "cluster other-db"), host="DB_Host1")
    assert "is taken at start only" in reload(pair, "DB_Host1", check=False).stderr
    nothing_moves(pair, since, 2, "DB_Host1")
    assert config(pair, "DB_Host1")["digest"] == digest and config(pair, "DB_Host1")["reloads_refused"] == 2
    pair.install_conf(good, host="DB_Host1")
    assert reload(pair, "DB_Host1").returncode == 0
    assert not config(pair, "DB_Host1")["reload_error"]


def test_only_the_connections_whose_settings_changed_are_made_anew(pair):
    connects = pair.status("DB_Host1")["aws"]["connects"]
    text = pair.conf_text(aws={"on_rebalance": "ignore"}, track_mysql={"interval": 0.4})
    pair.install_conf(text, host="DB_Host1")
    shown = reload(pair, "DB_Host1", "--dry-run").stdout
    assert "= the connections to AWS are made anew" in shown and "= the check local begins anew" in shown
    since = now_ns()
    reload(pair, "DB_Host1")
    pair.wait_for(lambda: pair.status("DB_Host1")["aws"]["connects"] < connects + 4 and instance(pair, "DB_Host1")["state_name"] == "MASTER", 5, "it to go on")
    nothing_moves(pair, since, 6, "DB_Host1")  # longer than a verify round
    assert pair.status("DB_Host1")["aws"]["known"]
    pair.host("DB_Host1").mysql_kill()  # the new worker sees it as the old one did
    pair.wait_owner("DB_Host2", 10)


def test_an_address_and_a_table_more_come_at_once_and_go_again(pair):
    since = now_ns()
    install(pair, pair.conf_text(vip_instance={"virtual_ipaddress": [f"{VIP}/32 label eth0:1", f"{SECOND}/32 label eth0:2"]}))
    addresses = lambda: pair.host("DB_Host1").exec(["ip", "-br", "addr", "show", "dev", "eth0"]).stdout  # noqa: E731
    pair.wait_for(lambda: SECOND in addresses() and VIP in addresses(), 5, "the second address")
    pair.wait_for(lambda: all(route["points_at"] == "self" for route in instance(pair, "DB_Host1")["routes"]), 10, "its routes")
    assert len(instance(pair, "DB_Host1")["routes"]) == 4
    assert len(writes(pair, since)) == 2  # of the second address only
    install(pair, pair.conf_text())
    pair.wait_for(lambda: SECOND not in addresses(), 5, "it to go")
    assert VIP in addresses() and state(pair, "DB_Host1") == "MASTER" and state(pair, "DB_Host2") == "BACKUP"


def test_an_instance_comes_by_reload_and_hands_over_before_it_goes(pair):
    pair.iam_policy(ALL)  # the second one's parameter as well
    more = pair.conf_text() + other_instance("Reports", "Reports_VIP")
    install(pair, more)
    pair.wait_for(lambda: "MASTER" in {named(pair, name, "Reports")["state_name"] for name in DB_HOSTS}, 20, "a MASTER of the new one")
    owner = next(name for name in DB_HOSTS if named(pair, name, "Reports")["state_name"] == "MASTER")
    other = next(name for name in DB_HOSTS if name != owner)
    pair.wait_for(lambda: named(pair, other, "Reports")["eligible"], 20, "the other to be eligible")
    pair.install_conf(pair.conf_text(), host=owner)
    assert "handed over" in reload(pair, owner).stdout
    pair.wait_for(lambda: named(pair, other, "Reports")["state_name"] == "MASTER", 10, "the other to take it")
    pair.wait_for(lambda: [i["iname"] for i in pair.status(owner)["instances"]] == ["MasterDB"], 5, "it to be gone")
    assert SECOND not in pair.host(owner).exec(["ip", "addr"]).stdout
    assert not config(pair, owner)["reload_waits"]
    pair.install_conf(pair.conf_text())
    reload(pair, other)
    pair.wait_for(lambda: [i["iname"] for i in pair.status(other)["instances"]] == ["MasterDB"], 15, "it to be gone there too")
    assert (state(pair, "DB_Host1"), state(pair, "DB_Host2")) == ("MASTER", "BACKUP")


@long_one
def test_one_of_a_sync_group_goes_alone_and_not_under_maintenance(pair):
    pair.iam_policy(ALL)
    both = pair.conf_text() + other_instance("Reports", "Reports_VIP")
    grouped = both + "vip_sync_group Both {\n\tgroup {\n\t\tMasterDB Reports\n\t}\n}\n"
    install(pair, grouped)
    pair.wait_for(lambda: named(pair, "DB_Host1", "Reports")["state_name"] == "MASTER", 30, "the group to be on one node")
    pair.wait_for(lambda: named(pair, "DB_Host2", "Reports")["eligible"], 20, "the other to be eligible")
    since = named(pair, "DB_Host1", "MasterDB")["last_transition"]
    pair.host("DB_Host1").exec(["zonevipctl", "maintenance", "on"])
    pair.install_conf(pair.conf_text(), host="DB_Host1")
    assert "Reports would go, and is under maintenance" in reload(pair, "DB_Host1", check=False).stderr
    pair.host("DB_Host1").exec(["zonevipctl", "maintenance", "off"])
    assert named(pair, "DB_Host1", "Reports")["state_name"] == "MASTER"
    reload(pair, "DB_Host1")
    pair.wait_for(lambda: named(pair, "DB_Host2", "Reports")["state_name"] == "MASTER", 15, "the other to take it")
    pair.wait_for(lambda: [i["iname"] for i in pair.status("DB_Host1")["instances"]] == ["MasterDB"], 10, "it to be gone")
    assert instance(pair, "DB_Host1")["state_name"] == "MASTER" and instance(pair, "DB_Host1")["last_transition"] == since


def test_a_journal_over_reloads_replays_to_the_same_decisions(pair):
    host = pair.host("DB_Host2")
    install(pair, pair.conf_text() + other_instance("Reports", "Reports_VIP"))
    install(pair, pair.conf_text(heartbeat={"profile": "fast"}))
    pair.wait_for(lambda: len(pair.status("DB_Host2")["instances"]) == 1, 15, "the second file to be taken")
    pair.host("DB_Host1").mysql_kill()
    pair.wait_owner("DB_Host2", 10)
    settle()
    told = replay(pair, "DB_Host2")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "another configuration: 2 nodes, 2 instances" in told.stdout
    assert "0 differ" in told.stdout and not re.search(r", [1-9][0-9]* gap", told.stdout)
    assert len(transitions(host.agent_log())) >= 2


def test_a_fifo_gets_keepalived_s_lines_and_nobody_waits_for_its_reader(pair):
    fifo, lines = "/run/changes/fifo", "/run/changes/lines"
    spare = pair.host("DB_Host2")
    spare.exec(["mkdir", "-p", "/run/changes"])
    spare.exec(["mkfifo", "-m", "0666", fifo])
    install(pair, pair.conf_text(global_defs={"notify_fifo": fifo}))
    with spare.popen(["sh", "-c", f"exec cat <> {fifo} > {lines}"]) as reader:  # open for both: it sees no end
        try:
            pair.host("DB_Host1").mysql_kill()
            pair.wait_owner("DB_Host2", 10)
            told = lambda: open(spare.path(lines), encoding="ascii").read() if os.path.exists(spare.path(lines)) else ""  # noqa: E731
            pair.wait_for(lambda: 'INSTANCE "MasterDB" MASTER 100\n' in told(), 10, "the line of the new MASTER")
        finally:
            reader.kill()
    pair.host("DB_Host1").mysql_start()
    pair.wait_for(lambda: state(pair, "DB_Host1") == "BACKUP", 15, "DB_Host1 to recover")
    pair.host("DB_Host1").exec(["zonevipctl", "ack"])
    pair.wait_for(lambda: spare.exec(["zonevipctl", "switchover", "--to", "DB_Host1"], check=False).returncode == 0, 20, "the switchover")
    pair.wait_owner("DB_Host1", 10)  # nobody reads the FIFO now, and DB_Host1 has none
    assert told().count("MASTER") == 1
    spare.exec(["rm", "-r", "/run/changes"])


def keyed(lab, host, **words):
    lab.install_conf(lab.conf_text(heartbeat=words), host=host)
    assert reload(lab, host).returncode == 0


def test_the_key_is_changed_under_loss_one_host_at_a_time_and_nothing_moves(pair):
    old, new, since = "/etc/zonevip/heartbeat.key", "/etc/zonevip/heartbeat-2.key", now_ns()
    for name in DB_HOSTS:
        path = pair.host(name).path(new)
        with open(path, "wb") as stream, open(pair.host(name).path(old), "rb") as first:
            stream.write(first.read()[::-1])
        pair.host(name).exec(["chown", "--reference", old, new])
        pair.host(name).exec(["chmod", "0400", new])
    pair.loss(10)
    dropped = {name: pair.status(name)["heartbeat"]["dropped"] for name in DB_HOSTS}
    for words in ({"accept_key_file": new, "accept_key_id": 2},
                  {"key_file": new, "key_id": 2, "accept_key_file": old, "accept_key_id": 1},
                  {"key_file": new, "key_id": 2}):
        for name in DB_HOSTS:
            keyed(pair, name, **words)
            nothing_moves(pair, since, 0.7, "DB_Host1")
    pair.loss(0)
    for name in DB_HOSTS:
        after = pair.status(name)["heartbeat"]["dropped"]
        assert [after[kind] - dropped[name][kind] for kind in ("bad_tag", "unknown_key")] == [0, 0], name
        assert pair.status(name)["heartbeat"]["other_key"] > 0
    keyed(pair, "DB_Host2", key_file=old)  # who comes with the old one now is not heard
    pair.wait_for(lambda: pair.status("DB_Host1")["heartbeat"]["dropped"]["unknown_key"] > 5, 10, "the old key to be refused")
    assert "cause=unknown_key" in pair.host("DB_Host1").agent_log()


def resources(lab, host):
    """Open descriptors and resident KiB of the daemon."""
    pid = lab.host(host).outer_pid("zonevipd")
    with open(f"/proc/{pid}/status") as stream:
        resident = int(re.search(r"VmRSS:\s+(\d+)", stream.read()).group(1))
    return len(os.listdir(f"/proc/{pid}/fd")), resident


def changing(lab, number):
    """One file after the other: timers, checks, scripts, and now and then what opens a shell anew."""
    words = {"heartbeat": {"verify_master": 3 + number % 3, "hold": 30 + number % 7}, "track_mysql": {"fall": 2 + number % 2}}
    if number % 20 == 7:
        words["aws"] = {"on_rebalance": "ignore"}
    if number % 20 == 13:
        words["track_mysql"]["interval"] = 0.4
    if number % 25 == 11:
        words["vip_instance"] = {"virtual_ipaddress": [f"{VIP}/32 label eth0:1", f"{SECOND}/32 label eth0:2"]}
    text = lab.conf_text(**words)
    return text.replace("priority 150", "priorty 150") if number % 33 == 5 else text


@long_one
def test_a_thousand_reloads_with_loss_and_hand_overs_move_nothing_else(pair):
    """Row 67: every state change is one that was ordered; descriptors and memory stay."""
    pair.loss(10)
    owner, planned, refused, first, begun = "DB_Host1", 0, 0, {}, time.monotonic()
    logged = {name: len(transitions(pair.host(name).agent_log())) for name in DB_HOSTS}
    for number in range(1000):
        name = DB_HOSTS[number % 2]
        pair.install_conf(changing(pair, number // 2))
        refused += reload(pair, name, check=False).returncode
        if number == 500:  # by then both have owned it, and every shell was opened anew
            first = {host: resources(pair, host) for host in DB_HOSTS}
        if number % 250 == 200:
            spare = next(host for host in DB_HOSTS if host != owner)
            pair.wait_for(lambda: pair.host(owner).exec(["zonevipctl", "switchover", "--to", spare], check=False).returncode == 0, 30, "a spare")
            pair.wait_owner(spare, 20)
            owner, planned = spare, planned + 1
    took = time.monotonic() - begun
    pair.install_conf(pair.conf_text())
    for name in DB_HOSTS:
        reload(pair, name)
    pair.loss(0)
    last = {name: resources(pair, name) for name in DB_HOSTS}
    moved = {name: transitions(pair.host(name).agent_log())[logged[name]:] for name in DB_HOSTS}
    counts = {name: (config(pair, name)["reloads"], config(pair, name)["reloads_refused"]) for name in DB_HOSTS}
    print(f"1000 reloads in {took:.0f} s, {refused} refused, {planned} hand-overs, fds and RSS {first} -> {last}, taken and refused {counts}")
    unplanned = [line for lines in moved.values() for line in lines if line[3] not in ("switchover", "owner_disclaimed", "confirmed")]
    assert unplanned == []
    assert sum(len(lines) for lines in moved.values()) == 3 * planned  # BACKUP, CLAIMING, MASTER
    for name in DB_HOSTS:
        pair.wait_for(lambda host=name: resources(pair, host)[0] == first[host][0], 20, f"{name} to have as many descriptors as before")
        assert last[name][1] - first[name][1] <= 256, f"{name}: RSS in KiB"
