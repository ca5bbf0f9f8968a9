# SPDX-License-Identifier: MIT
"""keepalived on the rows that it can play, for comparison: nothing that it does fails a test.

Only scripts/faults runs them (ZONEVIP_FAULTS_RIVAL). The bounds are those that our own tests of the row have; what silence
may last is keepalived's own: three adverts and a little, and as long again as its script needs.
"""

import json
import os
import shutil
import time

import pytest
from faults import rival
from faults.bounds import HUNG_S, LEAVE_S, REFUSED_S, T_SILENT_S, TWO_TABLES, Bounds, lasting
from faults.conftest import OUT, Watch
from faults.test_network import forge
from vpc import DB_HOSTS, LabError, VIP
from vpc.layout import BY_NAME, SUBNET_OF

OWNER, OTHER = DB_HOSTS
SETTLE_S = 8.0  # its longest way: silence, script, five seconds of a second try


def kill(lab):
    rival.ask(lab, OWNER, "kill", restart=False, cleanup=False)


def killed_and_restarted(lab):
    kill(lab)
    time.sleep(0.2)
    rival.ask(lab, OWNER, "start")


def stopped_for(lab, seconds):
    lab.host(OWNER).signal(rival.SERVICE, "STOP")
    time.sleep(seconds)
    lab.host(OWNER).signal(rival.SERVICE, "CONT")


def lossy(lab, percent):
    lab.loss(percent, OWNER, OTHER)
    time.sleep(lasting(180))
    lab.heal()


def deaf(lab, speaker, listener):
    lab.loss(100, speaker, listener, oneway=True)
    time.sleep(7)
    lab.heal()


def partitioned(lab):
    lab.cut(OWNER, OTHER)
    time.sleep(10)
    lab.heal()


def link_down(lab):
    host = lab.host(OWNER)
    host.exec(["ip", "link", "set", "eth0", "down"])
    time.sleep(3)
    host.exec(["ip", "link", "set", "eth0", "up"])
    host.exec(["ip", "route", "replace", "default", "via", SUBNET_OF[OWNER].gateway])


def alias_deleted(lab):
    lab.host(OWNER).exec(["ip", "addr", "del", VIP + "/32", "dev", "eth0"])


def alias_added(lab):
    lab.host(OTHER).exec(["ip", "addr", "add", VIP + "/32", "dev", "eth0", "label", "eth0:1"])


def flushed(lab):
    host = lab.host(OWNER)
    host.exec(["ip", "addr", "flush", "dev", "eth0"])
    time.sleep(0.5)
    host.exec(["ip", "addr", "add", BY_NAME[OWNER].address + "/24", "dev", "eth0"])
    host.exec(["ip", "route", "replace", "default", "via", SUBNET_OF[OWNER].gateway])


def frozen(lab, host, seconds):
    lab.host(host).freeze(rival.SERVICE, "mysqld")
    time.sleep(seconds)
    lab.host(host).thaw()


def forged(lab):
    """Adverts of the highest priority in the owner's name, with another password."""
    forge(lab, OWNER, "adverts", to=BY_NAME[OTHER].address, router=rival.ROUTER_ID, address=VIP, password="stranger", rate=1000,
          seconds=lasting(100))


def replayed(lab):
    """The owner is dead; what it had sent is sent again."""
    packets = forge(lab, OWNER, "record", protocol=112, seconds=5)["packets"]
    kill(lab)
    lab.host(OWNER).exec(["ip", "addr", "flush", "dev", "eth0", "label", "eth0:*"])  # as our cleanup does
    forge(lab, OWNER, "again", to=BY_NAME[OTHER].address, protocol=112, packets=packets, seconds=12)


def reloaded(lab):
    lab.loss(10, OWNER, OTHER)
    for _ in range(round(lasting(300) / 3)):
        for name in DB_HOSTS:
            lab.host(name).signal(rival.SERVICE, "HUP")
        time.sleep(3)
    lab.heal()


MOVES = {"out": T_SILENT_S, "writes": TWO_TABLES}
STORIES = {
    "1": (1, {}, killed_and_restarted),
    "2": (2, MOVES, kill),
    "3": (3, {"out": LEAVE_S, "writes": TWO_TABLES}, lambda lab: rival.ask(lab, OWNER, "stop")),
    "4 for 0.5 s": (4, {}, lambda lab: stopped_for(lab, 0.5)),
    "4 for 8 s": (4, {**MOVES, "dual": 0.05}, lambda lab: stopped_for(lab, 8)),
    "11": (11, {"out": REFUSED_S + LEAVE_S, "writes": TWO_TABLES}, lambda lab: lab.host(OWNER).mysql_kill()),
    "12": (12, {"out": HUNG_S + LEAVE_S, "writes": TWO_TABLES}, lambda lab: lab.host(OWNER).signal("mysqld", "STOP")),
    "21 with 20 %": (21, {}, lambda lab: lossy(lab, 20)),
    "22 with 30 %": (22, {}, lambda lab: lossy(lab, 30)),
    "22 with 50 %": (22, {}, lambda lab: lossy(lab, 50)),
    "24": (24, {}, lambda lab: deaf(lab, OWNER, OTHER)),
    "25": (25, {}, lambda lab: deaf(lab, OTHER, OWNER)),
    "26": (26, {}, partitioned),
    "32": (32, {"out": 3.7, "writes": TWO_TABLES}, link_down),
    "33 deleted": (33, {"out": 0.1}, alias_deleted),
    "33 added": (33, {"dual": 0.1}, alias_added),
    "34": (34, {"out": 0.7}, flushed),
    "54": (54, {}, forged),
    "55": (55, MOVES, replayed),
    "65 holder, 8 s": (65, {**MOVES, "dual": 0.05}, lambda lab: frozen(lab, OWNER, 8)),
    "65 standby, 3 s": (65, {}, lambda lab: frozen(lab, OTHER, 3)),
    "67": (67, {}, reloaded),
}


@pytest.fixture
def field(lab):
    lacking = [program for program in ("keepalived", "curl", "jq") if not shutil.which(program)]
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")
    try:
        rival.start(lab)
        yield lab
    finally:
        lab.heal()
        rival.stop(lab)
        for name in DB_HOSTS:
            lab.host(name).mysql_start()


@pytest.mark.parametrize("story", STORIES)
def test_keepalived(field, story):
    number, bounds, strike = STORIES[story]
    allowed = Bounds(number, **bounds)
    watch = Watch(field, with_parameter=False)
    watch.begin()
    time.sleep(0.5)
    why = ""
    try:
        strike(field)
    except LabError as error:
        why = str(error)
    time.sleep(SETTLE_S)
    found = watch.figures()
    watch.close()
    why = "; ".join([*([why] if why else []), *allowed.broken(found, 0)])
    print(f"keepalived, row {story}: {found}")
    if OUT:
        line = {"row": number, "test": f"keepalived {story}", "outcome": "failed" if why else "passed", "subject": "keepalived", "why": why,
                "figures": found, "bounds": allowed.words()}
        with open(OUT, "a") as file:
            file.write(json.dumps(line) + "\n")
    assert os.path.exists(field.host(OWNER).path(rival.FOLDER))
