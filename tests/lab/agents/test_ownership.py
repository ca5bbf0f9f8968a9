# SPDX-License-Identifier: MIT
"""Rules of ownership that a setting switches on: preempt, sync groups, an outage of the store, touches of P itself."""

from conftest_agents import double, instance, nothing_moves, start, state, writes
from test_reload import ALL, SECOND, named, other_instance
from vpc import DB_HOSTS, now_ns

OWNER, OTHER = DB_HOSTS
SECOND_PARAMETER = "SecondDB_VIP"


def ctl(lab, host, *words):
    return lab.host(host).exec(["zonevipctl", *words])


def wait_state(lab, host, word, seconds=20):
    lab.wait_for(lambda: state(lab, host) == word, seconds, f"{host} to be {word}")


def wait_eligible(lab, host, seconds=20):
    lab.wait_for(lambda: instance(lab, host)["eligible"], seconds, f"{host} to be eligible")


def names(lab, host):
    return {i["iname"]: i["state_name"] for i in lab.status(host)["instances"]}


def test_the_better_node_asks_for_the_vip_and_gets_it_when_its_hold_is_over(lab):
    lab.install_conf(lab.conf_text(vip_instance={"preempt": True, "preempt_delay": 1}))
    start(lab)
    lab.host(OWNER).mysql_kill()
    lab.wait_owner(OTHER, 20)
    lab.host(OWNER).mysql_start()
    wait_state(lab, OWNER, "BACKUP")
    lab.wait_for(lambda: "hold" in instance(lab, OWNER)["not_eligible_because"], 10, "the hold to be said")
    assert state(lab, OTHER) == "MASTER"  # it may not have it back yet
    since = now_ns()
    ctl(lab, OWNER, "ack")
    lab.wait_owner(OWNER, 20)
    wait_state(lab, OWNER, "MASTER")
    wait_state(lab, OTHER, "BACKUP")
    assert instance(lab, OTHER)["reason"] == "preempted"
    assert double(lab, since) == 0


def test_instances_of_a_sync_group_go_together(lab):
    lab.iam_policy(ALL)  # the parameter of the second as well
    text = lab.conf_text() + other_instance("SecondDB", SECOND_PARAMETER)
    lab.install_conf(text + "vip_sync_group pair {\n\tgroup {\n\t\tMasterDB\n\t\tSecondDB\n\t}\n}\n")
    start(lab)
    lab.wait_for(lambda: set(names(lab, OWNER).values()) == {"MASTER"}, 20, "both to be MASTER on one node")
    lab.wait_for(lambda: named(lab, OTHER, "SecondDB")["eligible"], 20, "the other to be ready for both")
    ctl(lab, OWNER, "switchover", "SecondDB")  # an order to one is an order to all
    for name in ("MasterDB_VIP", SECOND_PARAMETER):
        lab.wait_for(lambda name=name: lab.parameter(name)[0] == OTHER, 20, f"{name} to name {OTHER}")
    lab.wait_for(lambda: set(names(lab, OTHER).values()) == {"MASTER"}, 20, "both to be MASTER there")
    lab.wait_for(lambda: set(names(lab, OWNER).values()) == {"BACKUP"}, 20, "none to be left here")
    assert set(lab.routes(f"{SECOND}/32").values()) <= {OTHER, None}


def test_a_dead_owner_is_followed_by_the_route_while_the_store_is_away(lab):
    lab.install_conf(lab.conf_text(heartbeat={"profile": "fast", "ssm_outage": 3}))
    start(lab)
    since = now_ns()
    lab.fault("ssm", status=503, code="ServiceUnavailable", message="away")
    lab.host(OWNER).agent_kill(restart=False)
    lab.wait_for(lambda: set(lab.routes().values()) == {OTHER}, 40, "the routes to lead to the other")
    wait_state(lab, OTHER, "MASTER")
    assert "unrecorded" in instance(lab, OTHER)["flags"]
    assert lab.parameter()[0] == OWNER  # nobody could write it
    lab.heal()
    lab.wait_owner(OTHER, 40)
    lab.wait_for(lambda: "unrecorded" not in instance(lab, OTHER)["flags"], 20, "P to be written")
    assert [line["host"] for line in writes(lab, since)] == [OTHER] * len(lab.routes())


def test_an_owner_that_restarts_while_the_store_is_away_goes_on(lab):
    lab.install_conf(lab.conf_text(heartbeat={"profile": "fast", "ssm_outage": 3}))
    start(lab)
    lab.host(OTHER).agent_stop()
    since = now_ns()
    lab.fault("ssm", status=503, code="ServiceUnavailable", message="away")
    lab.host(OWNER).agent_kill(restart=False, cleanup=False)
    lab.host(OWNER).agent_start()
    wait_state(lab, OWNER, "MASTER", 40)
    assert "unrecorded" in instance(lab, OWNER)["flags"]
    assert lab.owner() == OWNER and writes(lab, since) == []
    lab.heal()
    lab.wait_for(lambda: "unrecorded" not in instance(lab, OWNER)["flags"], 20, "P to be read")


def test_with_touch_owner_the_parameter_itself_is_the_sign_of_life(lab):
    lab.install_conf(lab.conf_text(global_defs={"touch": "owner"}))
    start(lab)
    since, version = now_ns(), lab.parameter()[1]
    lab.cut(OWNER, OTHER)
    lab.wait_for(lambda: "partitioned" in instance(lab, OTHER)["flags"], 20, "the other to see that the owner lives")
    lab.wait_for(lambda: lab.parameter()[1] > version + 8, 40, "longer than a silent claim would take")
    assert (state(lab, OWNER), state(lab, OTHER)) == ("MASTER", "BACKUP")
    assert writes(lab, since) == [] and lab.parameter()[0] == OWNER
    assert not [line for line in lab.log(since=since, action="PutParameter") if line["params"]["Name"] != "MasterDB_VIP"]
    lab.heal()
    wait_eligible(lab, OTHER)
    lab.wait_for(lambda: all(peer["proven"] for name in DB_HOSTS for peer in lab.status(name)["peers"]), 20, "them to hear each other")
    nothing_moves(lab, now_ns(), 2, OWNER)
