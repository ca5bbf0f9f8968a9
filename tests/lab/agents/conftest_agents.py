# SPDX-License-Identifier: MIT
"""The real daemons in the lab. ZONEVIP_BUILD names the build tree (default: build/ of this one).

ZONEVIP_SANDBOX=1 runs them under the sandbox of their units: see vpc/sandbox.py.
"""

import os
import time

import pytest

from vpc import DB_HOSTS, VIP, Lab, LabError, now_ns

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("ZONEVIP_BUILD", os.path.join(TOP, "build"))
STAMP_ERROR_NS = 2_000_000  # two recorders stamp what they receive, each when it gets the CPU
KEY = "/etc/zonevip/heartbeat.key"
STATE = "/var/lib/zonevip"


@pytest.fixture(scope="session")
def real_lab(tmp_path_factory):
    if not os.path.exists(os.path.join(BUILD, "zonevipd")):
        pytest.skip(f"no zonevipd in {BUILD}: build first, or set ZONEVIP_BUILD")
    with Lab(dir=str(tmp_path_factory.mktemp("agents") / "lab"), bindir=BUILD, sandbox=bool(os.environ.get("ZONEVIP_SANDBOX"))) as lab:
        lab.first_keys = {name: open(lab.host(name).root + KEY, "rb").read() for name in DB_HOSTS}
        yield lab


def clean(lab):
    """Faultless, as the package leaves a fresh host: no agents, route, parameter or alias."""
    lab.heal()
    for name in DB_HOSTS:
        host = lab.host(name)
        host.agent_stop()
        host.dns("ok")
        host.imds("ok")
        lab.instance_state(name, "running")
        host.mysql_start()
        host.exec(["ip", "addr", "flush", "dev", "eth0", "label", "eth0:*"])
        host.exec(["find", STATE, "-mindepth", "1", "-delete"])
        with open(host.root + KEY, "wb") as key:
            key.write(lab.first_keys[name])
    lab.install_conf(lab.conf_text())
    lab.set_route(None)
    for name in lab.summary()["parameters"]:
        lab.set_parameter(None, name)


@pytest.fixture
def lab(real_lab):
    clean(real_lab)
    yield real_lab
    real_lab.heal()


@pytest.fixture
def pair(lab):
    """Both agents run; DB_Host1 owns the VIP, DB_Host2 could take it."""
    start(lab)
    return lab


def start(lab):
    lab.host("DB_Host1").agent_start()  # alone first: on an empty VPC either may win
    try:
        lab.wait_owner("DB_Host1", 15)
    except LabError as error:
        raise AssertionError(f"{error}\n" + last_words(lab)) from None
    lab.host("DB_Host2").agent_start()
    lab.wait_for(lambda: instance(lab, "DB_Host1")["state_name"] == "MASTER", 5, "DB_Host1 to be MASTER")
    lab.wait_for(lambda: instance(lab, "DB_Host2")["eligible"], 15, "DB_Host2 to be eligible")
    lab.wait_for(lambda: all(peer["proven"] and peer["hears_us"] for name in DB_HOSTS for peer in lab.status(name)["peers"]), 15,
                 "the nodes to hear each other")


def last_words(lab):
    """The log of each agent since its last start."""
    return "\n".join(f"--- {name}\n{lab.host(name).agent_log().rpartition('event=started')[2]}" for name in DB_HOSTS)


def instance(lab, host):
    """The one instance in `zonevipctl json` of a host."""
    return lab.status(host)["instances"][0]


def state(lab, host):
    return instance(lab, host)["state_name"]


def writes(lab, since):
    """Route writes that were carried out, one per table."""
    return [line for line in lab.log(since=since) if line["action"] in ("ReplaceRoute", "CreateRoute") and line["executed"]]


def double(lab, since):
    """Milliseconds for which the address was on both database hosts, by the kernels' own events."""
    on, since_both, total = set(), None, 0
    for line in lab.history(event="address"):
        if line["address"] != VIP:
            continue
        (on.add if line["present"] else on.discard)(line["host"])
        if len(on) == 2 and since_both is None:
            since_both = line["t_ns"]
        elif len(on) < 2 and since_both is not None:
            total += max(0, line["t_ns"] - max(since, since_both))
            since_both = None
    if since_both is not None:
        total += now_ns() - max(since, since_both)
    return 0 if total < STAMP_ERROR_NS else total / 1e6


def nothing_moves(lab, since, seconds, owner):
    """Watches for a while: no route write, no Put of the parameter, no change of state."""
    before = {name: instance(lab, name)["last_transition"] for name in DB_HOSTS if lab.host(name).agent_status()["pid"]}
    time.sleep(seconds)
    assert set(lab.routes().values()) == {owner}
    assert lab.parameter()[0] == owner
    assert writes(lab, since) == []
    assert [line for line in lab.log(since=since, action="PutParameter") if line["params"]["Name"] == "MasterDB_VIP"] == []
    for name, transition in before.items():
        assert instance(lab, name)["last_transition"] == transition, f"{name} changed its state"
