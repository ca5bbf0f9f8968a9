# SPDX-License-Identifier: MIT
"""What is missing or wrong is said exactly, in log and status, and the node does not take the VIP."""

import os

import pytest
from conftest_agents import BUILD, KEY, instance, start, state, writes
from vpc import DB_HOSTS, TABLES, now_ns

ONLY = "DB_Host1"


def lone_agent(lab):
    lab.host(ONLY).agent_start()
    return lab.host(ONLY)


def not_eligible(lab, because, seconds=10):
    lab.wait_for(lambda: because in instance(lab, ONLY)["not_eligible_because"], seconds, f"{because}")
    assert lab.parameter() == (None, 0)
    assert lab.holders() == []


def log_says(host, *words):
    text = host.agent_log()
    return all(word in text for word in words)


def wait_log(lab, host, *words, seconds=10):
    lab.wait_for(lambda: log_says(host, *words), seconds, f"the log to say {words}")


# --- the configuration ------------------------------------------------------------------------------

GOOD = "\tpriority 150"
BAD = {
    "unknown word": (GOOD, "\tpriorty 150", "priorty", "priority"),
    "duplicate": (GOOD, "\tpriority 150\n\tpriority 150", "priority", "twice|already|again"),
    "bad address": ("address 10.0.2.10", "address 10.0.2.300", "10.0.2.300", "address"),
    "missing include": (GOOD, GOOD + "\n}\ninclude /etc/zonevip/none.conf\nnode DB_Host9 {\n\taddress 10.0.9.9\n\tpriority 1", "none.conf", ""),
    "inequality": ("profile safe", "profile safe\n\tgrace 2.0", "grace", "lease"),
    "open brace": ("notify /etc/zonevip/notify.sh\n}", "notify /etc/zonevip/notify.sh", "", "}"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_configuration_is_one_line_with_place_and_hint_and_exit_78(lab, name):
    old, new, word, hint = BAD[name]
    text = lab.conf_text()
    assert old in text
    lab.install_conf(text.replace(old, new, 1), host=ONLY)
    done = lab.host(ONLY).exec(["zonevipd", "-t"], check=False)
    assert done.returncode == 78
    lines = (done.stderr + done.stdout).strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("/etc/zonevip/zonevip.conf:")
    assert lines[0].split(":")[1].isdigit()
    assert word in lines[0]
    assert any(part in lines[0] for part in hint.split("|"))


def test_a_missing_configuration_is_named(lab):
    done = lab.host(ONLY).exec(["zonevipd", "-t", "-f", "/etc/zonevip/nowhere.conf"], check=False)
    assert done.returncode == 78 and "/etc/zonevip/nowhere.conf" in done.stderr


def test_a_good_configuration_says_who_this_host_is(lab):
    for name in DB_HOSTS:
        done = lab.host(name).exec(["zonevipd", "-t"])
        assert done.returncode == 0 and f"node {name}" in done.stdout


# --- heartbeats ---------------------------------------------------------------------------------------


def test_a_wrong_heartbeat_key_is_a_partition_never_plain_text_and_is_said(pair):
    other = pair.host("DB_Host2")
    other.agent_stop()
    with open(other.root + KEY, "wb") as key:
        key.write(os.urandom(32))
    since = now_ns()
    other.agent_start()
    for name in DB_HOSTS:
        pair.wait_for(lambda n=name: pair.status(n)["heartbeat"]["dropped"]["bad_tag"] > 20, 10, "refused heartbeats")
        wait_log(pair, pair.host(name), "event=heartbeat_refused", "key_file")
    pair.wait_for(lambda: "partitioned" in instance(pair, "DB_Host2")["flags"], 10, "the partition to show")
    assert state(pair, "DB_Host1") == "MASTER" and state(pair, "DB_Host2") == "BACKUP"
    assert [line for line in pair.log(since=since, action="ReplaceRoute")] == []
    assert not pair.status("DB_Host2")["peers"][0]["proven"]


def test_a_peer_that_speaks_another_protocol_is_a_partition_and_is_said(pair):
    """As in the middle of an upgrade; the database of the owner may still fail."""
    later = os.path.join(BUILD, "tests/lab/later")
    if not os.path.exists(f"{later}/zonevipd"):
        pytest.skip("not a build tree: no later/zonevipd")
    other = pair.host("DB_Host2")
    other.agent_stop()
    pair.install_programs(later, "DB_Host2")
    try:
        since = now_ns()
        other.agent_start()
        for name in DB_HOSTS:
            pair.wait_for(lambda n=name: pair.status(n)["heartbeat"]["dropped"]["bad_version"] > 20, 10, "refused heartbeats")
            wait_log(pair, pair.host(name), "event=heartbeat_refused", "bad_version")
        pair.wait_for(lambda: "partitioned" in instance(pair, "DB_Host2")["flags"], 10, "the partition to show")
        assert state(pair, "DB_Host1") == "MASTER" and state(pair, "DB_Host2") == "BACKUP"
        assert writes(pair, since) == []
        pair.host("DB_Host1").mysql_kill()
        pair.wait_owner("DB_Host2", 20)
    finally:
        other.agent_stop()
        pair.install_programs(BUILD, "DB_Host2")


def test_a_key_that_others_can_read_is_refused_with_the_fix(lab):
    host = lab.host(ONLY)
    host.exec(["chmod", "0644", KEY])
    done = host.exec(["timeout", "5", "zonevipd", "-l", "-n"], check=False)
    host.exec(["chmod", "0400", KEY])
    assert done.returncode == 71 and "chmod 0400" in done.stderr


# --- AWS ----------------------------------------------------------------------------------------------


def test_without_imds_the_agent_runs_and_says_so(lab):
    lab.host(ONLY).imds("hang")
    host = lone_agent(lab)
    not_eligible(lab, "no_identity")
    lab.wait_for(lambda: "IMDS" in lab.status(ONLY)["aws"]["problem"], 10, "the problem in status")
    wait_log(lab, host, "event=aws_identity", "169.254.169.254")
    host.imds("ok")
    lab.wait_owner(ONLY, 15)


def test_without_a_role_the_agent_runs_and_says_so(lab):
    lab.host(ONLY).imds("norole")
    lone_agent(lab)
    not_eligible(lab, "no_identity")
    lab.wait_for(lambda: "role" in lab.status(ONLY)["aws"]["problem"], 10, "the problem in status")


def test_a_wrong_secret_is_refused_by_the_endpoint_and_said(lab):
    lab.host(ONLY).imds("badsecret")
    host = lone_agent(lab)
    wait_log(lab, host, "AuthFailure", "secret")
    wait_log(lab, host, "InvalidSignatureException")
    lab.wait_for(lambda: instance(lab, ONLY)["not_eligible_because"], 10, "not eligible")
    assert lab.parameter() == (None, 0) and lab.holders() == []


@pytest.mark.parametrize("right, shown", [("ec2:DescribeRouteTables", "no_route_table"),
                                          ("ssm:GetParameter", "no_parameter"),
                                          ("ec2:DescribeNetworkInterfaces", "no_identity")])
def test_a_missing_right_is_named(lab, right, shown):
    lab.iam_deny(right, host=ONLY)
    host = lone_agent(lab)
    wait_log(lab, host, right.split(":")[1])
    not_eligible(lab, shown)
    lab.wait_for(lambda: right.split(":")[1] in host.exec(["zonevipctl", "why"]).stdout, 5, "why to name it")


def test_a_missing_right_to_write_the_parameter_shows_before_it_is_needed(lab):
    lab.iam_deny("ssm:PutParameter", host=ONLY)
    host = lone_agent(lab)
    not_eligible(lab, "touch_denied")
    wait_log(lab, host, "PutParameter")


def test_source_destination_check_on_is_not_eligible_with_the_fix(lab):
    lab.sdcheck(ONLY, True)
    host = lone_agent(lab)
    not_eligible(lab, "source_dest_check")
    wait_log(lab, host, "--no-source-dest-check")
    lab.sdcheck(ONLY, False)


def test_a_missing_route_table_is_named_and_the_other_one_still_moves(lab):
    lab.install_conf(lab.conf_text(vip_instance={"route_table": [TABLES[0], "rtb-0fffffffffffffff9"]}))
    host = lone_agent(lab)
    lab.wait_for(lambda: lab.routes()[TABLES[0]] == ONLY, 15, "the table that exists")
    lab.wait_for(lambda: state(lab, ONLY) == "MASTER", 5, "MASTER")
    wait_log(lab, host, "rtb-0fffffffffffffff9", "InvalidRouteTableID.NotFound")
    lab.wait_for(lambda: "partial" in instance(lab, ONLY)["flags"], 5, "partial")


def test_a_table_that_fails_is_retried_alone_and_shown(pair):
    rule = pair.fault("ReplaceRoute", resource=TABLES[1], status=503, code="Unavailable", message="try later")
    pair.host("DB_Host1").mysql_kill()
    pair.wait_for(lambda: pair.routes()[TABLES[0]] == "DB_Host2", 3, "the good table")
    pair.wait_for(lambda: "partial" in instance(pair, "DB_Host2")["flags"], 5, "partial")
    assert pair.routes()[TABLES[1]] == "DB_Host1"
    assert state(pair, "DB_Host2") == "MASTER"
    first = len([line for line in pair.log(action="ReplaceRoute") if line["params"]["RouteTableId"] == TABLES[0]])
    pair.unfault(rule)
    pair.wait_owner("DB_Host2", 4)
    again = len([line for line in pair.log(action="ReplaceRoute") if line["params"]["RouteTableId"] == TABLES[0]])
    assert again == first, "the table that was well is not written again"


def test_a_missing_route_is_created(lab):
    since = now_ns()
    start(lab)
    assert {line["params"]["RouteTableId"] for line in lab.log(since=since, action="CreateRoute")} == set(TABLES)


def test_create_route_off_says_that_the_route_is_missing(lab):
    lab.install_conf(lab.conf_text(vip_instance={"create_route": False}))
    host = lone_agent(lab)
    wait_log(lab, host, "no route", seconds=20)
    assert lab.log(action="CreateRoute") == [] or lab.routes() == {table: None for table in TABLES}


# --- mysqld ---------------------------------------------------------------------------------------------


def test_a_refused_login_is_said_and_is_no_verdict_on_health(lab):
    lab.install_conf(lab.conf_text(track_mysql={"user": "nobody_here"}))
    host = lone_agent(lab)
    not_eligible(lab, "no_check_verdict")
    wait_log(lab, host, "verdict=AUTH", "nobody_here")
    assert state(lab, ONLY) in ("INIT", "BACKUP")
