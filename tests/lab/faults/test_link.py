# SPDX-License-Identifier: MIT
"""Rows 32 to 35: what happens to the interface and to the addresses on it, on the host itself."""

import os
import time

import pytest
from conftest_agents import instance, start, state
from faults.bounds import MARGIN_S, T_ACT_S, T_SILENT_S, TWO_TABLES, row
from vpc import DB_HOSTS, VIP, LabError, now_ns
from vpc.layout import BY_NAME, SUBNET_OF

OWNER, OTHER = DB_HOSTS
ALIAS_S, MEND_S = 0.1, 0.1  # to notice and to mend
DOWN_S = 3.0
FLUSHED_S = 0.5
CHANGES = 5000
long = pytest.mark.skipif(not os.environ.get("ZONEVIP_LONG"), reason="takes long: set ZONEVIP_LONG=1")


def ip(lab, host, *lines):
    lab.host(host).exec(["ip", "-batch", "-"], input="\n".join(lines) + "\n")


def gateway(host):
    return f"route replace default via {SUBNET_OF[host].gateway}"


def base(host):
    return f"{BY_NAME[host].address}/24"


def alias(lab, host, since, present):
    return [line["t_ns"] for line in lab.history(since=since, event="address", host=host)
            if line["address"] == VIP and line["present"] == present]


# --- 32: the interface --------------------------------------------------------------------------------


@long
@row(32, out=DOWN_S + T_ACT_S, writes=TWO_TABLES)
def test_32_an_interface_that_goes_down_is_a_fault_at_once_and_one_serves_when_it_is_back(pair):
    since = now_ns()
    ip(pair, OWNER, "link set eth0 down")
    pair.wait_for(lambda: state(pair, OWNER) == "FAULT", ALIAS_S + MARGIN_S, "FAULT")
    time.sleep(max(0.0, DOWN_S - (now_ns() - since) / 1e9))
    ip(pair, OWNER, "link set eth0 up", gateway(OWNER))
    pair.wait_for(pair.owner, 10, "one owner")
    time.sleep(2)
    assert pair.holders() == [pair.owner()]


@long
@row(32, out=T_SILENT_S, writes=TWO_TABLES)
def test_32_an_interface_down_for_long_lets_the_other_take_over(pair):
    ip(pair, OWNER, "link set eth0 down")
    pair.wait_owner(OTHER, T_SILENT_S + 10)
    ip(pair, OWNER, "link set eth0 up", gateway(OWNER))
    pair.wait_for(lambda: state(pair, OWNER) == "BACKUP", 20, f"{OWNER} to be BACKUP")
    assert pair.holders() == [OTHER]


def make_bridge(lab, host):
    """eth0 as a thing that can be deleted while the cable stays: a bridge over the old eth0."""
    mac = BY_NAME[host].mac
    ip(lab, host, "link set eth0 down", "addr flush dev eth0", "link set eth0 name cable", "link add eth0 type bridge", f"link set eth0 address {mac}",
       "link set cable master eth0", "link set cable up", "link set eth0 up", f"addr add {base(host)} dev eth0", gateway(host))


def drop_bridge(lab, host):
    ip(lab, host, "link del eth0")


def remake_bridge(lab, host):
    ip(lab, host, "link add eth0 type bridge", f"link set eth0 address {BY_NAME[host].mac}", "link set cable master eth0", "link set eth0 up",
       f"addr add {base(host)} dev eth0", gateway(host))


@pytest.fixture
def bridged(lab):
    make_bridge(lab, OWNER)
    yield lab
    lab.host(OWNER).agent_stop()
    try:
        drop_bridge(lab, OWNER)
    except LabError:
        pass  # the test has not come to make it again
    ip(lab, OWNER, "link set cable down", "link set cable name eth0", "link set eth0 up", f"addr add {base(OWNER)} dev eth0", gateway(OWNER))


@long
@row(32, out=DOWN_S + T_ACT_S + 1, writes=TWO_TABLES)
def test_32_an_interface_deleted_and_made_anew_is_used_again(bridged, watch):
    start(bridged)
    watch.begin()
    drop_bridge(bridged, OWNER)
    bridged.wait_for(lambda: state(bridged, OWNER) == "FAULT", ALIAS_S + MARGIN_S, "FAULT")
    time.sleep(DOWN_S - 1)
    remake_bridge(bridged, OWNER)
    since = now_ns()
    bridged.wait_for(lambda: bridged.status(OTHER)["peers"][0]["hears_us"], 1 + MARGIN_S, "the two to hear each other again")
    print(f"heard again {(now_ns() - since) / 1e9:.2f} s after the interface was back")
    bridged.wait_for(bridged.owner, 10, "one owner")
    time.sleep(1)
    assert bridged.holders() == [bridged.owner()]


@long
@row(32, out=3600)
def test_32_without_its_interface_a_node_starts_and_waits(bridged):
    drop_bridge(bridged, OWNER)
    bridged.host(OWNER).agent_start()
    time.sleep(3)
    assert state(bridged, OWNER) in ("FAULT", "INIT") and bridged.parameter() == (None, 0) and bridged.holders() == []


# --- 33, 34: addresses ----------------------------------------------------------------------------------


@row(33, out=MEND_S)
def test_33_an_alias_deleted_by_hand_is_put_back(pair):
    since = now_ns()
    ip(pair, OWNER, f"addr del {VIP}/32 dev eth0")
    pair.wait_for(lambda: alias(pair, OWNER, since, True), MEND_S + MARGIN_S, "the alias")
    print(f"back after {(alias(pair, OWNER, since, True)[0] - alias(pair, OWNER, since, False)[0]) / 1e6:.1f} ms")
    time.sleep(1)


@long
@row(33, dual=MEND_S)
def test_33_an_alias_added_by_hand_on_the_standby_is_removed(pair):
    since = now_ns()
    ip(pair, OTHER, f"addr add {VIP}/32 dev eth0 label eth0:1")
    pair.wait_for(lambda: alias(pair, OTHER, since, False), MEND_S + MARGIN_S, "the alias to go")
    time.sleep(1)
    assert pair.holders() == [OWNER]


@long
@row(33, out=3600)
def test_33_who_deletes_it_again_and_again_is_not_fought_for_ever(pair):
    for turn in range(20):
        since = now_ns()
        try:
            ip(pair, OWNER, f"addr del {VIP}/32 dev eth0")
            pair.wait_for(lambda: alias(pair, OWNER, since, True), 1, "the alias")
        except LabError:
            break
    assert 4 <= turn <= 6, f"{turn} times"  # the fifth in ten seconds, or the one after it, is not mended
    pair.wait_for(lambda: "alias_fight" in instance(pair, OWNER)["flags"], 5, "the fight to be said")
    pair.heal()


@row(34, out=FLUSHED_S + 0.2)
def test_34_all_addresses_flushed_and_the_base_address_back_later_brings_the_alias_back(pair):
    ip(pair, OWNER, "addr flush dev eth0")
    time.sleep(FLUSHED_S)
    since = now_ns()
    ip(pair, OWNER, f"addr add {base(OWNER)} dev eth0", gateway(OWNER))
    pair.wait_for(lambda: pair.holders() == [OWNER], 0.2 + MARGIN_S, "the alias")
    pair.wait_for(lambda: pair.status(OTHER)["peers"][0]["hears_us"], 1 + MARGIN_S, "the two to hear each other")
    print(f"in order {(now_ns() - since) / 1e9:.2f} s after the base address")
    time.sleep(2)
    assert state(pair, OWNER) == "MASTER"


# --- 35: more events than anybody reads -------------------------------------------------------------------


@long
@row(35, out=0.5)
def test_35_ten_thousand_address_changes_leave_nothing_unseen(pair):
    lines = [f"addr {what} 10.99.{n >> 8}.{n & 255}/32 dev lo" for n in range(CHANGES) for what in ("add", "del")]
    since = now_ns()
    ip(pair, OWNER, *lines[:CHANGES], f"addr del {VIP}/32 dev eth0", *lines[CHANGES:])
    pair.wait_for(lambda: alias(pair, OWNER, since, True), 0.5 + MARGIN_S, "the alias")
    time.sleep(2)
    assert state(pair, OWNER) == "MASTER" and pair.host(OWNER).agent_status()["restarts"] == 0
