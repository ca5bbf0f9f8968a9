# SPDX-License-Identifier: MIT
"""Scripts, files, processes and devices that are tracked: what moves the VIP, what moves only the priority."""

import os

import pytest
from conftest_agents import clean, double, instance, nothing_moves, start, state
from vpc import DB_HOSTS, now_ns

OWNER, OTHER = DB_HOSTS
SCRIPT = "/etc/zonevip/chk.sh"
FLAGS = "/run/zonevip-script"
BLOCKS = f"""
vrrp_script chk {{
	script "{SCRIPT} chk"
	interval 0.5
	timeout 1
	fall 2
}}
track_process guard {{
	process "zv-guard 86400"
}}
track_file lean {{
	file {FLAGS}/lean
	interval 0.2
}}
"""
TEXT = f"""#!/bin/sh
[ ! -e {FLAGS}/hang ] || {{ sleep 3600 & sleep 3600; }}
[ ! -e {FLAGS}/bad ] || {{ echo "no $1 today"; exit 3; }}
"""


def install(lab, **words):
    """The tracks on both hosts: all well. The guard runs by a name of its own, as on any host."""
    for name in DB_HOSTS:
        host = lab.host(name)
        with open(host.root + SCRIPT, "w") as script:
            script.write(TEXT)
        os.chmod(host.root + SCRIPT, 0o755)
        flag(lab, name, "bad", None)
        flag(lab, name, "hang", None)
        flag(lab, name, "lean", None)
    tracks = {"track_script": ["chk"], "track_process": ["guard weight 0"], "track_file": ["lean weight 3"]}
    lab.install_conf(lab.conf_text(vip_instance={**tracks, **words}) + BLOCKS)


def flag(lab, name, what, text=""):
    path = f"{lab.host(name).root}{FLAGS}/{what}"
    if text is None:
        if os.path.exists(path):
            os.unlink(path)
        return
    with open(path, "w") as out:
        out.write(text)


def track(lab, host, name):
    return next(track for track in lab.status(host)["tracks"] if track["name"] == name)


def wait_health(lab, host, name, word, seconds=10):
    lab.wait_for(lambda: track(lab, host, name)["health"] == word, seconds, f"{name} {word} on {host}, now {track(lab, host, name)}")


def moved(lab, since, to):
    lab.wait_owner(to, 15)
    lab.wait_for(lambda: state(lab, to) == "MASTER", 10, f"{to} to be MASTER")
    assert double(lab, since) == 0


def well_again(lab, host):
    """What had failed there is mended, and an operator has seen it."""
    lab.wait_for(lambda: state(lab, host) == "BACKUP", 10, f"{host} to be BACKUP")
    lab.host(host).exec(["zonevipctl", "ack"])
    lab.wait_for(lambda: instance(lab, host)["eligible"], 15, f"{host} to be eligible: {instance(lab, host)}")


@pytest.fixture
def guards(lab):
    """One process a host, named zv-guard: the hosts see each other's, so only one at a time is there."""
    running = []

    def begin(name):
        running.append(lab.host(name).popen(["bash", "-c", "exec -a zv-guard sleep 86400"]))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()
    clean(lab)


def test_a_script_that_fails_or_hangs_moves_the_vip_and_one_that_cannot_run_does_not(lab, guards):
    guards(OWNER)
    install(lab)
    start(lab)
    wait_health(lab, OWNER, "chk", "up")

    since = now_ns()
    flag(lab, OWNER, "bad")
    moved(lab, since, OTHER)
    assert track(lab, OWNER, "chk")["evidence"] == "status 3: no chk today"
    assert "script chk: down (status 3: no chk today)" in lab.host(OWNER).exec(["zonevipctl", "why"]).stdout
    flag(lab, OWNER, "bad", None)
    well_again(lab, OWNER)

    since = now_ns()
    flag(lab, OTHER, "hang")  # and leaves a child behind
    moved(lab, since, OWNER)
    assert "timed out after 1.0 s" in track(lab, OTHER, "chk")["evidence"]
    flag(lab, OTHER, "hang", None)
    well_again(lab, OTHER)
    assert lab.host(OTHER).exec(["pgrep", "-f", "sleep 3600"], check=False).stdout == ""

    since = now_ns()
    for name in DB_HOSTS:
        os.chmod(lab.host(name).root + SCRIPT, 0o777)  # anybody could change it: it is not run
    for name in DB_HOSTS:
        wait_health(lab, name, "chk", "unknown")
    assert "could not be run" in track(lab, OWNER, "chk")["evidence"]
    nothing_moves(lab, since, 2, OWNER)


def test_a_process_or_device_that_goes_makes_the_node_unfit(lab, guards):
    for name in DB_HOSTS:
        lab.host(name).exec(["sh", "-c", "ip link del zv0 2>/dev/null; "
                                         "ip link add zv0 type veth peer zv1 && ip link set zv1 up && ip link set zv0 up"])
    guard = guards(OWNER)
    install(lab, track_interface=["zv0"])
    start(lab)
    wait_health(lab, OTHER, "zv0", "up")

    since = now_ns()
    lab.host(OWNER).exec(["ip", "link", "set", "zv0", "down"])
    moved(lab, since, OTHER)
    assert track(lab, OWNER, "zv0")["evidence"] == "is down or absent"
    lab.host(OWNER).exec(["ip", "link", "set", "zv0", "up"])
    well_again(lab, OWNER)

    # All hosts of the lab share one table of processes: without the guard nobody can serve.
    guard.kill()
    guard.wait()
    for name in DB_HOSTS:
        wait_health(lab, name, "guard", "down")
        lab.wait_for(lambda name=name: state(lab, name) == "FAULT", 10, f"{name} to be in FAULT")
    guards(OWNER)
    lab.wait_for(lambda: any(state(lab, name) == "MASTER" for name in DB_HOSTS), 20, "a MASTER again")
    for name in DB_HOSTS:
        wait_health(lab, name, "guard", "up")
        lab.host(name).exec(["ip", "link", "del", "zv0"])


def test_a_number_in_a_file_moves_the_priority_and_with_preempt_the_vip(lab, guards):
    guards(OWNER)
    install(lab, preempt="on", preempt_delay="1")
    start(lab)
    assert instance(lab, OWNER)["effective_priority"] == instance(lab, OWNER)["base_priority"]

    since = now_ns()
    flag(lab, OWNER, "lean", "-40\n")  # times 3
    moved(lab, since, OTHER)
    owner = instance(lab, OWNER)
    assert owner["effective_priority"] == owner["base_priority"] - 120
    assert owner["eligible"] and owner["not_eligible_because"] == []
    assert "weight 3: adds -120" in lab.host(OWNER).exec(["zonevipctl", "why"]).stdout
    metrics = lab.host(OWNER).exec(["zonevipctl", "metrics"]).stdout
    assert f'zonevip_priority{{vip_instance="MasterDB"}} {owner["effective_priority"]}' in metrics
    assert 'zonevip_track_health{track="lean",health="down"} 1' in metrics


def test_a_runner_that_is_started_again_is_not_noticed(lab, guards):
    guards(OWNER)
    install(lab)
    start(lab)
    wait_health(lab, OWNER, "chk", "up")
    since = now_ns()
    for name in DB_HOSTS:
        lab.host(name).notify_stop()
        lab.host(name).notify_start()
    nothing_moves(lab, since, 4, OWNER)
    for name in DB_HOSTS:
        assert track(lab, name, "chk")["health"] == "up"
        assert instance(lab, name)["eligible"] or name == OWNER
    age = track(lab, OWNER, "chk")["age_ms"]
    assert age < 4000  # it runs again
