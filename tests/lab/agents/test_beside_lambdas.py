# SPDX-License-Identifier: MIT
"""`observe on`: the daemons beside the two Lambdas, whose part the lab's operator plays; then the change to zonevip.

Follows doc/migrate-lambda.md. What counts is what the endpoint and the kernels saw: no write, no change of an address.
"""

from conftest_agents import STATE, instance, last_words, state
from vpc import DB_HOSTS, TABLES, VIP, now_ns

ONE, TWO = DB_HOSTS
WRITES = ("PutParameter", "ReplaceRoute", "CreateRoute", "DeleteRoute", "ModifyNetworkInterfaceAttribute")


def mover(lab, host):
    """What VIP_Mover_Fn does, in its order."""
    for table in TABLES:
        lab.set_route(host, table)
    lab.set_parameter(host)


def observe(lab):
    lab.install_conf(lab.conf_text(global_defs={"observe": "on"}))
    for name in DB_HOSTS:  # the alias, on both hosts, by hand
        lab.host(name).exec(["ip", "address", "add", f"{VIP}/32", "dev", "eth0", "label", "eth0:1"])
    mover(lab, ONE)
    since = now_ns()
    for name in DB_HOSTS:
        lab.host(name).agent_start()
    lab.wait_for(lambda: state(lab, ONE) == "MASTER" and state(lab, TWO) == "BACKUP", 20, "the observers to see who has it")
    lab.wait_for(lambda: all(instance(lab, name)["not_eligible_because"] == ["observe"] for name in DB_HOSTS), 20,
                 "observing to be all that stands against either")
    hear_each_other(lab)
    return since


def hear_each_other(lab):
    lab.wait_for(lambda: all(peer["proven"] and peer["hears_us"] for name in DB_HOSTS for peer in lab.status(name)["peers"]), 20,
                 "the nodes to hear each other")


def assert_untouched(lab, since):
    asked = [line for line in lab.log(since=since) if line["host"] in DB_HOSTS and line["action"] in WRITES]
    assert asked == [], last_words(lab)
    assert [line for line in lab.history(since=since, event="address") if line["address"] == VIP] == [], last_words(lab)
    assert sorted(lab.holders()) == sorted(DB_HOSTS)
    for name in DB_HOSTS:
        assert [call for call in lab.host(name).notifications() if call["t_ns"] > since] == []
        assert lab.host(name).exec(["ls", STATE]).stdout.split().count("state") == 0


def would_claim(lab, host, reason):
    lab.wait_for(lambda: "would_claim" in instance(lab, host)["flags"], 20, f"{host} to say that it would have claimed")
    assert "event=would_have_claimed instance=MasterDB" in lab.host(host).agent_log()
    assert f"reason={reason}" in lab.host(host).agent_log().rpartition("event=would_have_claimed")[2].splitlines()[0]
    assert "would have claimed" in lab.host(host).exec(["zonevipctl", "why"]).stdout
    assert "would_have_claimed" in lab.host(host).exec(["zonevipctl", "events"]).stdout
    assert state(lab, host) == "BACKUP"


def test_observers_tell_what_they_would_do_and_touch_nothing(lab):
    since = observe(lab)
    lab.host(ONE).mysql_kill()
    would_claim(lab, TWO, "owner_disclaimed")
    assert lab.parameter()[0] == ONE and state(lab, ONE) == "FAULT"
    mover(lab, TWO)  # a minute later in their world
    lab.wait_for(lambda: state(lab, TWO) == "MASTER", 20, "the other observer to see that it was moved")
    assert instance(lab, TWO)["reason"] == "adopted" and "would_claim" not in instance(lab, TWO)["flags"]
    lab.host(ONE).mysql_start()
    lab.wait_for(lambda: state(lab, ONE) == "BACKUP", 20, "the first host to be a spare")
    lab.host(TWO).agent_kill(restart=False)  # and the clean-up after it
    would_claim(lab, ONE, "owner_silent")
    assert_untouched(lab, since)
    lab.host(TWO).agent_start()
    lab.wait_for(lambda: state(lab, TWO) == "MASTER", 20, "the owner to be back")
    for name in DB_HOSTS:
        lab.host(name).agent_stop()
    assert_untouched(lab, since)


def test_the_change_from_observing_to_acting_moves_nothing(lab):
    since = observe(lab)
    lab.host(TWO).mysql_kill()  # a failure of the spare, told and forgotten
    lab.wait_for(lambda: state(lab, TWO) == "FAULT", 20, "the failure to be seen")
    lab.host(TWO).mysql_start()
    lab.wait_for(lambda: state(lab, TWO) == "BACKUP", 20, "the failure to be over")
    assert_untouched(lab, since)
    lab.install_conf(lab.conf_text())
    for name in DB_HOSTS:  # primary first
        lab.host(name).agent_restart()
        lab.wait_for(lambda: state(lab, ONE) == "MASTER", 20, "the primary to go on")
    lab.wait_for(lambda: instance(lab, TWO)["eligible"], 20, "the spare to be eligible")
    lab.wait_for(lambda: lab.holders() == [ONE], 20, "the alias to be on one host alone")
    moved = [line for line in lab.log(since=since) if line["host"] in DB_HOSTS and line["action"] in WRITES
             and ".touch." not in line["params"].get("Name", "")]
    assert moved == [] and lab.parameter() == (ONE, 1), last_words(lab)
    hear_each_other(lab)
    lab.wait_for(lambda: "nothing refuses" in lab.host(ONE).exec(["zonevipctl", "why"]).stdout, 20, "a switchover to be possible")
    lab.host(ONE).exec(["zonevipctl", "switchover"])
    lab.wait_owner(TWO, 15)
