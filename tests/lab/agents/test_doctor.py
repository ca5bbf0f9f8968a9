# SPDX-License-Identifier: MIT
"""zonevipctl doctor: nothing to say of a healthy pair; each broken thing is named with its fix."""

import json
import os

import pytest
from conftest_agents import KEY, TOP, clean, start
from vpc import DB_HOSTS, TABLES, VIP, now_ns
from vpc.layout import BY_NAME

ONLY = "DB_Host1"
ENI = BY_NAME[ONLY].eni
DATABASE, WEB = "sg-0a1b2c3d4e5f60001", "sg-0a1b2c3d4e5f60002"
READS = ("Describe", "Get")


def examine(lab, *options, host=ONLY, program="zonevipctl"):
    """(exit status, findings)"""
    done = lab.host(host).exec([program, *(options or ("doctor", "--json"))], check=False, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else done


def worst(report):
    return [(one["check"], one["subject"], one["found"]) for one in report["findings"] if one["result"] in ("warn", "fail")]


def schema():
    with open(os.path.join(TOP, "doc", "doctor.schema.json")) as stream:
        return json.load(stream)


def test_a_healthy_pair_has_nothing_wrong_and_nothing_is_written(pair):
    jsonschema = pytest.importorskip("jsonschema")
    host = pair.host(ONLY)
    pair.wait_for(lambda: len(pair.summary()["parameters"]) == 3, 10, "both nodes to have touched")
    pair.wait_for(lambda: all(peer["proven"] and peer["hears_us"] for peer in pair.status(ONLY)["peers"]), 10,
                  "the nodes to hear each other")
    since = now_ns()
    status, report = examine(pair)
    assert worst(report) == [] and status == 0
    jsonschema.validate(report, schema())
    assert {one["check"] for one in report["findings"]} == set(
        schema()["properties"]["findings"]["items"]["properties"]["check"]["enum"])
    done = host.exec(["zonevipctl", "doctor"], check=False)
    assert done.returncode == 0 and "0 warnings, 0 failures" in done.stdout
    assert host.exec(["zonevipd", "-t", "--online"], check=False).returncode == 0
    mine = [line for line in pair.log(since=since, host=ONLY) if not line["action"].startswith(READS)]
    assert [line for line in mine if line["executed"]] == [], "dry runs only"
    assert mine, "rights to write are tried"


def test_without_a_daemon_and_as_nobody_in_particular_it_still_looks(lab):
    done = lab.host(ONLY).exec(["env", "HOME=/nonexistent", "zonevipctl", "doctor", "--json"], check=False, user="zonevip")
    report = json.loads(done.stdout)
    found = {one["check"]: one for one in report["findings"]}
    assert done.returncode in (6, 7)
    assert found["peers"]["result"] == "skip" and "not running" in found["daemon"]["found"]
    assert found["source-dest-check"]["result"] == "ok"


def conf(**changes):
    return lambda lab: lab.install_conf(lab.conf_text(**changes))


def write(path, text):
    def broken(lab):
        full = lab.host(ONLY).root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as stream:
            stream.write(text)
    return broken


def labelled(lab):
    lab.set_parameter(ONLY, label="keep")
    for _ in range(99):
        lab.set_parameter(ONLY)


def networkd(lab):
    index = lab.host(ONLY).exec(["cat", "/sys/class/net/eth0/ifindex"]).stdout.strip()
    write(f"/run/systemd/netif/links/{index}", "# private\nADMIN_STATE=configured\n")(lab)


def cleanup(lab):
    host = lab.host(ONLY)
    host.exec(["rm", "-rf", "/run/systemd/netif"])
    host.exec(["sh", "-c", f"chmod 0400 {KEY}"])
    host.exec(["sysctl", "-qw", "net.ipv4.ip_forward=0"], check=False)


# What is broken: (how, check, words of the subject or of what was found, words of the fix).
BROKEN = {
    "no role": (lambda lab: lab.host(ONLY).imds("norole"), "identity", "role", "instance profile"),
    "the key is open to others": (lambda lab: lab.host(ONLY).exec(["chmod", "0644", KEY]), "heartbeat-key", "others may read", "chmod 0400"),
    "no such interface": (conf(vip_instance={"interface": "eth7", "virtual_ipaddress": [VIP]}), "interface", "no such interface", "attach the ENI"),
    "networkd would drop the alias": (networkd, "address-managers", "systemd-networkd", "KeepConfiguration"),
    "ReplaceRoute is denied": (lambda lab: lab.iam_deny("ec2:ReplaceRoute"), "rights", f"{TABLES[1]}", "allow ec2:ReplaceRoute"),
    "PutParameter is denied": (lambda lab: [lab.set_parameter(ONLY), lab.iam_deny("ssm:PutParameter")], "parameter", "ssm:PutParameter is denied", "allow ssm:PutParameter"),
    "GetParameter is denied": (lambda lab: lab.iam_deny("ssm:GetParameter"), "parameter", "ssm:GetParameter is denied", "allow ssm:GetParameter"),
    "the peer's source/destination check is on": (lambda lab: lab.sdcheck("DB_Host2", True), "source-dest-check", "DB_Host2", "--no-source-dest-check"),
    "the address lies in the VPC": (conf(vip_instance={"virtual_ipaddress": ["10.0.7.7/32 label eth0:1"]}), "vip-range", "10.0.0.0/16", "outside every CIDR"),
    "a table does not exist": (conf(vip_instance={"route_table": [TABLES[0], "rtb-0fffffffffffffff9"]}), "routes", "rtb-0fffffffffffffff9", "correct 'route_table'"),
    "a route points at a stranger": (lambda lab: lab.set_route("web_host1", TABLES[1]), "routes", "no node of ours", "CloudTrail"),
    "a route is a blackhole": (lambda lab: [lab.set_route("DB_Host2"), lab.instance_state("DB_Host2", "stopped")], "routes", "blackhole", "start zonevip"),
    "a table of the VPC is left out": (conf(vip_instance={"route_table": [TABLES[1]]}), "subnets", TABLES[0], "add it to 'route_table'"),
    "heartbeats may not come in": (lambda lab: lab.security_group(DATABASE, **{"in": []}), "security-groups", "DB_Host2", "add a rule in for UDP 7112"),
    "a rule cannot match the address": (lambda lab: lab.security_group(WEB, out=[{"protocol": "tcp", "port": 3306, "groups": [DATABASE]}]), "security-groups", "cannot match the VIP", f"add a rule out to {VIP}/32"),
    "a parameter of another type": (lambda lab: lab.set_parameter(ONLY, type="SecureString"), "parameter", "SecureString", "delete it"),
    "a label on the oldest version": (labelled, "parameter", "label 'keep'", "unlabel-parameter-version"),
    "the clock": (lambda lab: lab.fault("*", date=-1000), "clock", "off AWS's clock", "chronyd"),
    "the endpoint hangs": (lambda lab: lab.cut(ONLY, "aws"), "endpoints", "EC2", "DNS"),
    "mysqld is down": (lambda lab: lab.host(ONLY).mysql_stop(), "mysql", "local", "start mysqld"),
    "mysqld refuses the login": (conf(track_mysql={"user": "nobody_here"}), "mysql", "login refused", "CREATE USER 'nobody_here'"),
    "the peer is silent": (lambda lab: lab.host(ONLY).agent_start(), "peers", "DB_Host2", "UDP 7112"),
}


@pytest.fixture(scope="module")
def clinic(real_lab):
    clean(real_lab)
    yield real_lab
    clean(real_lab)


LONG = {"no such interface", "networkd would drop the alias", "GetParameter is denied", "a table does not exist",
        "a route points at a stranger", "a rule cannot match the address", "a parameter of another type",
        "mysqld refuses the login", "the endpoint hangs", "no role"}  # with ZONEVIP_LONG=1


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in LONG or os.environ.get("ZONEVIP_LONG")])
def test_what_is_broken_is_named_with_its_fix(clinic, name):
    breaks, check, found, fix = BROKEN[name]
    breaks(clinic)
    try:
        status, report = examine(clinic)
        named = [one for one in report["findings"] if one["check"] == check and one["result"] in ("warn", "fail")
                 and found in one["subject"] + ": " + one["found"] and fix in one["fix"]]
        assert named, json.dumps([one for one in report["findings"] if one["result"] != "ok"], indent=1)
        assert status in (6, 7)
    finally:
        cleanup(clinic)
        clean(clinic)


def test_a_bad_configuration_is_78_and_its_place(lab):
    lab.install_conf("global_defs {\n\tclutser x\n}\n", host=ONLY)
    done = lab.host(ONLY).exec(["zonevipctl", "doctor"], check=False)
    assert done.returncode == 78 and "zonevip.conf:2:" in done.stderr


def policy(lab, *options):
    return json.loads(lab.host(ONLY).exec(["zonevipctl", "iam-policy", *options]).stdout)


def test_the_policy_is_enough_for_everything_and_for_nothing_else(lab):
    """The endpoint enforces the printed policy: the pair starts, fails over, touches, is examined."""
    document = policy(lab)
    assert "<" not in json.dumps(document), "everything is known on an instance"
    lab.iam_policy(document)
    since = now_ns()
    start(lab)
    lab.host("DB_Host1").mysql_kill()
    lab.wait_owner("DB_Host2", 10)
    refused = [line for line in lab.log(since=since) if line["code"] in ("UnauthorizedOperation", "AccessDeniedException")]
    assert refused == []
    lab.wait_for(lambda: len(lab.summary()["parameters"]) == 3, 10, "both nodes to touch")
    status, report = examine(lab, host="DB_Host2")
    assert [one for one in report["findings"] if "denied" in one["found"]] == []
    # Each statement is needed: without it something is refused.
    for statement in document["Statement"]:
        rest = [one for one in document["Statement"] if one is not statement]
        lab.iam_policy({**document, "Statement": rest})
        status, report = examine(lab, host="DB_Host2")
        assert status == 7, f"{statement['Sid']} is not needed"


def test_the_policy_follows_the_configuration(lab):
    lab.install_conf(lab.conf_text(aws={"source_dest_check": "fix"}, vip_instance={
        "route_table": ["tag Name=private"], "create_route": False, "parameter": "/prod/db/owner"}))
    document = policy(lab)
    by_sid = {one["Sid"]: one for one in document["Statement"]}
    assert "MoveVip" not in by_sid
    assert by_sid["MoveFoundMasterDB"]["Action"] == ["ec2:ReplaceRoute"]
    assert by_sid["MoveFoundMasterDB"]["Condition"] == {"StringEquals": {"aws:ResourceTag/Name": "private"}}
    assert by_sid["SwitchCheckOff"]["Resource"][0].endswith(f"network-interface/{ENI}")
    assert "arn:aws:ssm:us-east-1:123456789012:parameter/prod/db/owner" in by_sid["RecordOwner"]["Resource"]
    lab.iam_policy(document)  # the endpoint takes it for a policy
    offline = policy(lab, "--offline", "--region", "cn-north-1")
    assert any(resource.startswith("arn:aws-cn:ssm:cn-north-1:<account>:parameter/") for one in offline["Statement"]
               for resource in one["Resource"])


def test_a_right_that_promotion_or_the_write_probe_needs_and_the_account_lacks_is_named(lab):
    host = lab.host(ONLY)
    lab.install_conf(lab.conf_text(track_mysql={"write_probe": "on"},
                                   vip_instance={"promotion_gate": "wait", "promote": "on", "fence": "on", "rejoin": "auto"}))

    def said():
        return [(one["result"], one["found"], one["fix"]) for one in examine(lab)[1]["findings"] if one["check"] == "mysql"]

    whole = [one for one in said() if "rights that promotion" in one[1] or "write_probe" in one[1]]
    assert [one[0] for one in whole] == ["ok", "ok"], said()
    host.mysql("REVOKE READ_ONLY ADMIN, REPLICA MONITOR ON *.* FROM zonevip@localhost; "
               "REVOKE INSERT ON zonevip.heartbeat FROM zonevip@localhost")
    try:
        orders, probe = [one for one in said() if "missing" in one[1]]
        assert orders[0] == "fail" and orders[2].startswith("GRANT REPLICA MONITOR, READ_ONLY ADMIN ON *.*"), said()
        assert probe[0] == "fail" and "GRANT INSERT ON zonevip.heartbeat" in probe[2], said()
    finally:
        host.mysql("GRANT READ_ONLY ADMIN, REPLICA MONITOR ON *.* TO zonevip@localhost; "
                   "GRANT INSERT ON zonevip.heartbeat TO zonevip@localhost")
