# SPDX-License-Identifier: MIT
"""The package's whole life on two bare Debian machines with systemd, in the lab's VPC.

Install, configure, start, fail over, crash, upgrade under traffic, give up, remove, purge: in this
order, on the same two machines. ZONEVIP_DEBS are three directories with both packages: the first, a
higher version, and one that speaks another version of the heartbeats; ZONEVIP_ROOT is the minimal
Debian (root.sh), ZONEVIP_BUILD a build tree with vipload.
"""

import glob
import json
import os
import shutil
import time

import pytest

from demo import gaps
from machine import Machine, cgroup_root
from vpc import DB_HOSTS, TABLES, VIP, Lab, LabError, now_ns
from vpc.layout import APP_PASSWORD, APP_USER, DATABASE

BUILD = os.environ.get("ZONEVIP_BUILD", "")
FIRST, NEXT, LATER = range(3)
NAMES = ("zonevip", "zonevip-exporter")
MONITORED = "DB_Host1"  # has the second package as well
PACKAGES = [[glob.glob(f"{folder}/{name}_*.deb") for name in NAMES] for folder in os.environ.get("ZONEVIP_DEBS", "").split(":")]
if len(PACKAGES) != 3 or not all(len(found) == 1 for one in PACKAGES for found in one):
    pytest.skip("ZONEVIP_DEBS names no packages: use scripts/package-test", allow_module_level=True)
if cgroup_root() is None:
    pytest.skip("no cgroup version 2 here: systemd cannot run in a namespace", allow_module_level=True)

KEY = "/etc/zonevip/heartbeat.key"
INSTALL = ["apt-get", "-q", "install", "-y", "--no-install-recommends"]


class World:
    def __init__(self, lab, machines):
        self.lab = lab
        self.machines = machines

    def __getitem__(self, name):
        return self.machines[name]

    def status(self, name):
        return json.loads(self[name].run("zonevipctl", "json").stdout)["instances"][0]

    def wait_state(self, name, state, seconds=30):
        self.lab.wait_for(lambda: self.running(name) and self.status(name)["state_name"] == state, seconds,
                          f"{name} to be {state}")

    def wait_ready(self, name, seconds=30):
        self.lab.wait_for(lambda: self.running(name) and self.status(name)["eligible"], seconds,
                          f"{name} to be eligible")

    def switchover(self, name):
        """From @name, as soon as it has heard that the other is ready."""
        self.lab.wait_for(lambda: self.machines[name].run("zonevipctl", "switchover", check=False).returncode == 0, 30,
                          f"{name} to hand over")

    def wait_owner(self, name, seconds):
        try:
            self.lab.wait_owner(name, seconds)
        except LabError as error:
            raise AssertionError(f"{error}\n" + self.last_words()) from None

    def last_words(self):
        """Of every agent: its log, and why it is what it is."""
        return "\n".join(f"--- {name}\n{machine.journal()[-3000:]}\n"
                         + machine.run("zonevipctl", "why", check=False).stdout
                         for name, machine in self.machines.items())

    def running(self, name):
        return self[name].run("zonevipctl", "version", check=False).returncode == 0

    def writes(self, since):
        return [line for line in self.lab.log(since=since)
                if line["action"] in ("ReplaceRoute", "CreateRoute") and line["executed"]]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Lab(dir=str(tmp_path_factory.mktemp("package") / "lab")) as lab:
        machines = {}
        try:
            for name in DB_HOSTS:
                machines[name] = Machine(lab, name, os.environ["ZONEVIP_ROOT"])
                for number, packages in enumerate(PACKAGES):
                    for package, (path,) in zip(NAMES, packages):
                        shutil.copy(path, machines[name].root + deb(number, package))
            yield World(lab, machines)
        finally:
            for machine in machines.values():
                machine.close()


def deb(number, package="zonevip"):
    return f"/var/tmp/{package}_{number}.deb"


def names(host):
    return NAMES if host == MONITORED else NAMES[:1]


def files_named_zonevip(machine):
    """Whatever is left, but for the package files themselves and dpkg's and apt's own diaries."""
    found = machine.sh("find / -xdev \\( -path /proc -o -path /sys -o -path /var/log -o -path /var/cache -o -path /var/tmp "
                       "-o -path /tmp \\) -prune -o -name '*zonevip*' -print; find /run -name '*zonevip*' -print; "
                       "grep -s zonevip /etc/passwd /etc/group /etc/shadow /etc/gshadow || true").splitlines()
    return [path for path in found if not path.startswith("/sys")]


@pytest.mark.parametrize("name", DB_HOSTS)
def test_it_installs_on_a_bare_root_and_starts_nothing(world, name):
    machine = world[name]
    assert machine.run("sh", "-c", "command -v zonevipd", check=False).returncode != 0
    assert files_named_zonevip(machine) == []
    machine.run(*INSTALL, deb(FIRST), timeout=300)
    stat = machine.run("stat", "-c", "%a %U:%G %n", "/etc/zonevip", "/etc/zonevip/zonevip.conf", "/run/zonevip").stdout
    assert stat.splitlines() == ["750 root:zonevip /etc/zonevip", "640 root:zonevip /etc/zonevip/zonevip.conf",
                                 "750 zonevip:zonevip /run/zonevip"]
    for unit in ("zonevip", "zonevip-notify"):
        assert machine.show(unit, "ActiveState") == "inactive"
        assert machine.run("systemctl", "is-enabled", unit, check=False).stdout == "disabled\n"
    assert "zonevip" in machine.run("id", "-nG", "zonevip-script").stdout.split()
    assert machine.run("systemd-analyze", "verify", "--man=no", "zonevip.service", check=False).stderr == ""


@pytest.mark.parametrize("name", DB_HOSTS)
def test_it_runs_after_a_key_and_three_edited_lines(world, name):
    machine = world[name]
    # What an administrator does on every host: the CA of this cloud, the key, the file, the check's user.
    machine.run("update-ca-certificates")
    if name == DB_HOSTS[0]:
        machine.run("zonevipctl", "keygen", KEY)
    else:
        shutil.copy(world[DB_HOSTS[0]].root + KEY, machine.root + KEY)
        machine.run("chmod", "0400", KEY)
    machine.run("chown", "zonevip:", KEY)
    shutil.copy(os.path.join(os.path.dirname(__file__), "../lab/notify.sh"), machine.root + "/etc/zonevip/notify.sh")
    machine.sh("chmod 755 /etc/zonevip/notify.sh; install -d -o zonevip-script /run/zonevip-script; "
               "sed -i -e 's/interval 0.5/interval 0.4/' "
               "-e 's,# notify \"/etc/zonevip/notify.sh\",notify \"/etc/zonevip/notify.sh\",' "
               "-e 's/profile safe .*/profile safe/' /etc/zonevip/zonevip.conf")
    uid = machine.run("id", "-u", "zonevip").stdout.strip()  # mysqld is outside and must know it by this number
    machine.host.exec(["sed", "-i", f"1i zonevip:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin", "/etc/passwd"])
    assert "configuration OK" in machine.run("zonevipd", "-t").stdout
    found = json.loads(machine.run("zonevipctl", "doctor", "--json", check=False).stdout)["findings"]
    assert [one for one in found if one["result"] == "fail"] == []
    machine.run("systemctl", "enable", "--now", "zonevip-notify", "zonevip")
    assert machine.show("zonevip", "ActiveState") == "active"
    if name == DB_HOSTS[0]:
        world.wait_owner(name, 20)
        world.wait_state(name, "MASTER")
    else:
        world.wait_ready(name)


def scrape(machine):
    """The bare machine has no curl."""
    return machine.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9712 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3",
                       check=False, timeout=20).stdout


def test_the_exporter_is_a_package_of_its_own(world):
    machine = world[MONITORED]
    machine.run(*INSTALL, deb(FIRST, "zonevip-exporter"), timeout=300)
    assert machine.show("zonevip-exporter", "ActiveState") == "inactive"
    machine.run("systemctl", "enable", "--now", "zonevip-exporter")
    world.lab.wait_for(lambda: 'zonevip_state{vip_instance="MasterDB",state="MASTER"} 1' in scrape(machine), 20, "the metrics")


def test_the_sandbox_of_the_unit_is_on(world):
    machine = world["DB_Host1"]
    status = machine.sh(f"cat /proc/{machine.main_pid()}/status")
    words = dict(line.split(":", 1) for line in status.splitlines())
    assert words["CapEff"].strip() == words["CapBnd"].strip() == "0000000000001000"
    assert words["NoNewPrivs"].strip() == "1" and words["Seccomp"].strip() == "2"
    assert words["Uid"].split()[0] == machine.run("id", "-u", "zonevip").stdout.strip()
    runner = machine.sh(f"cat /proc/{machine.main_pid('zonevip-notify')}/status")
    words = dict(line.split(":", 1) for line in runner.splitlines())
    assert words["CapEff"].strip() == "0000000000000000" and words["NoNewPrivs"].strip() == "1"
    assert words["Uid"].split()[0] == machine.run("id", "-u", "zonevip-script").stdout.strip()
    for trouble in ("event=error", "Operation not permitted", "event=key_not_locked"):
        assert trouble not in machine.journal()


def test_notify_scripts_run_from_their_own_unit(world):
    log = world["DB_Host1"].root + "/run/zonevip-script/notify.log"
    world.lab.wait_for(lambda: os.path.exists(log) and "INSTANCE MasterDB MASTER 150" in open(log).read(), 20,
                       "the notify script's line")


def test_a_dead_database_moves_the_address(world):
    world["DB_Host1"].host.mysql_kill()
    world.wait_owner("DB_Host2", 20)
    world["DB_Host1"].host.mysql_start()
    world.wait_state("DB_Host1", "BACKUP", 20)
    world["DB_Host1"].run("zonevipctl", "ack")
    world.wait_ready("DB_Host1")


def test_a_killed_agent_is_restarted_by_systemd_and_nothing_moves(world):
    since = now_ns()
    machine = world["DB_Host2"]
    before = machine.main_pid()
    machine.run("systemctl", "kill", "-s", "KILL", "zonevip")
    world.lab.wait_for(lambda: machine.main_pid() not in (0, before), 20, "the restart")
    world.wait_state("DB_Host2", "MASTER")
    assert world.status("DB_Host2")["reason"] == "adopted"
    assert world.writes(since) == [] and world.lab.holders() == ["DB_Host2"]
    assert machine.show("zonevip", "NRestarts") == "1"
    time.sleep(2)  # the start limit's interval must not hold this start against a later test


def clients(world, tmp_path):
    password = tmp_path / "password"
    password.write_text(APP_PASSWORD + "\n")
    trace = str(tmp_path / "clients.tsv")
    process = world.lab.host("web_host1").popen(
        [os.path.join(BUILD, "vipload"), "--host", VIP, "--user", APP_USER, "--password-file", str(password),
         "--database", DATABASE, "--query", "SELECT @@hostname", "--seconds", "120", "--out", trace])
    world.lab.wait_for(lambda: os.path.exists(trace) and gaps.read(trace).requests, 10, "the first request")
    return process, trace


def hear_each_other(world):
    return all(world.running(name) and peer["proven"] and peer["hears_us"] for name in DB_HOSTS
               for peer in json.loads(world[name].run("zonevipctl", "json").stdout)["peers"])


def upgrade(world, tmp_path, number, order, between):
    """Of both hosts in that order, under clients: nothing moves, in between the versions are mixed."""
    owner = world.lab.owner()
    process, trace = clients(world, tmp_path)
    since = now_ns()
    for name in order:
        before, version = world[name].main_pid(), world[name].sh("dpkg-query -W -f '${Version}' zonevip")
        packages = [deb(number, package) for package in names(name)]
        world[name].run("dpkg", "-i", *packages)
        assert world[name].main_pid() not in (0, before), "the new program runs"
        assert world[name].sh("dpkg-query -W -f '${Version}' zonevip") != version
        world.wait_state(name, "MASTER" if name == owner else "BACKUP")
        if name == order[0]:
            between()
            time.sleep(6)  # longer than D + G: nobody has begun to ask for the owner
    world.lab.wait_for(lambda: hear_each_other(world), 30, "the nodes to hear each other again")
    assert world.status(owner)["reason"] == "adopted"
    time.sleep(6)
    assert world.writes(since) == []
    assert [line for line in world.lab.log(since=since, action="PutParameter")
            if line["params"]["Name"] == "MasterDB_VIP"] == []
    assert [line for line in world.lab.history(since=since, event="address") if line["address"] == VIP] == []
    process.terminate()
    process.wait(10)
    requests = gaps.within(gaps.read(trace), since, now_ns())
    bad = [request for request in requests if not request.good]
    # Nothing went away above; what fails here is a client that a busy machine made late.
    assert len(requests) > 300 and len(bad) <= len(requests) / 8, bad[:5]


def test_an_upgrade_under_traffic_is_no_transition(world, tmp_path):
    """The standby first, then the owner, as the handbook says; the exporter comes along."""
    before = world[MONITORED].main_pid("zonevip-exporter")
    upgrade(world, tmp_path, NEXT, ("DB_Host1", "DB_Host2"), lambda: world.wait_ready("DB_Host1"))
    assert world[MONITORED].main_pid("zonevip-exporter") not in (0, before)
    assert "zonevip_up 1" in scrape(world[MONITORED])


def refused(world, name):
    return world.running(name) and json.loads(world[name].run("zonevipctl", "json").stdout)["heartbeat"]["dropped"]["bad_version"] > 20


def test_an_upgrade_to_another_protocol_is_none_either(world, tmp_path):
    """In between neither understands the other: as in a partition, the owner writes and stays. The owner first."""
    def mixed():
        for name in DB_HOSTS:
            world.lab.wait_for(lambda: refused(world, name), 30, f"{name} to refuse heartbeats")
            assert "event=heartbeat_refused cause=bad_version" in world[name].journal()
        world.lab.wait_for(lambda: "partitioned" in world.status("DB_Host1")["flags"], 30, "the partition to show")

    upgrade(world, tmp_path, LATER, ("DB_Host2", "DB_Host1"), mixed)
    world.wait_ready("DB_Host1")


def test_an_agent_that_systemd_gives_up_leaves_no_address(world):
    machine = world["DB_Host2"]
    # A daemon that dies at once, as after a broken library upgrade; a drop-in is how one would see it.
    machine.sh("mkdir -p /run/systemd/system/zonevip.service.d; "
               "printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' >/run/systemd/system/zonevip.service.d/broken.conf; "
               "systemctl daemon-reload")
    machine.run("systemctl", "kill", "-s", "KILL", "zonevip")
    world.lab.wait_for(lambda: machine.show("zonevip", "ActiveState") == "failed", 30, "systemd to give up")
    world.lab.wait_for(lambda: "DB_Host2" not in world.lab.holders(), 20, "the cleanup")
    assert "event=alias_cleaned instance=MasterDB address=10.1.5.5" in machine.journal("zonevip-cleanup")
    world.wait_owner("DB_Host1", 20)
    machine.sh("rm -r /run/systemd/system/zonevip.service.d; systemctl daemon-reload; systemctl reset-failed zonevip; "
               "systemctl start zonevip")
    world.wait_state("DB_Host2", "BACKUP")
    machine.run("zonevipctl", "ack")
    world.wait_ready("DB_Host2")


def test_a_stop_waits_for_its_hook_longer_than_systemd_would(world):
    """TimeoutStopSec is 30 s, a hook may take 600: the agent asks systemd for the time that it needs."""
    machine = world["DB_Host1"]
    machine.sh("printf '#!/bin/sh\\nsleep 6\\n' >/etc/zonevip/slow.sh; chmod 755 /etc/zonevip/slow.sh; "
               "sed -i 's,^    parameter .*,&\\n    pre_release /etc/zonevip/slow.sh,' /etc/zonevip/zonevip.conf; "
               "mkdir -p /run/systemd/system/zonevip.service.d; "
               "printf '[Service]\\nTimeoutStopSec=2\\n' >/run/systemd/system/zonevip.service.d/short.conf")
    since, before = now_ns(), machine.main_pid()
    machine.run("/etc/needrestart/restart.d/zonevip.service")  # as needrestart does; it is /usr/libexec/zonevip/restart
    assert machine.main_pid() not in (0, before)
    world.wait_state("DB_Host1", "MASTER")
    assert world.writes(since) == [], "a restart for a new configuration moves nothing"
    machine.run("systemctl", "stop", "zonevip")
    assert machine.show("zonevip", "Result") == "success" and "event=stopped status=0" in machine.journal()
    world.wait_owner("DB_Host2", 20)
    machine.sh("rm -r /run/systemd/system/zonevip.service.d; sed -i '/pre_release/d' /etc/zonevip/zonevip.conf; "
               "systemctl daemon-reload; systemctl start zonevip")
    world.wait_ready("DB_Host1")
    world.switchover("DB_Host2")
    world.wait_owner("DB_Host1", 20)


def test_removal_hands_over_in_order(world):
    since = now_ns()
    world["DB_Host1"].run("apt-get", "-q", "remove", "-y", "zonevip")
    world.wait_owner("DB_Host2", 20)
    assert len(world.writes(since)) == len(TABLES)
    log = open(world["DB_Host1"].root + "/run/zonevip-script/notify.log").read()
    assert log.splitlines()[-1].endswith("INSTANCE MasterDB STOP 150")
    assert os.path.exists(world["DB_Host1"].root + "/etc/zonevip/zonevip.conf")


@pytest.mark.parametrize("name", DB_HOSTS)
def test_purge_leaves_nothing(world, name):
    machine = world[name]
    machine.run("apt-get", "-q", "purge", "-y", *names(name))
    machine.sh("rm -rf /run/zonevip-script")  # the test's own
    assert files_named_zonevip(machine) == []
    assert machine.sh("find / -xdev \\( -path /proc -o -path /sys \\) -prune -o \\( -nouser -o -nogroup \\) -print") == ""
    assert name not in world.lab.holders()
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
