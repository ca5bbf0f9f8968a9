# SPDX-License-Identifier: MIT
"""Those who are measured, each on both database hosts of one lab, one after the other.

    zonevip            the daemon of this tree, under the lab's supervisor
    keepalived         Debian's, its own defaults (adverts every second); what it must do at AWS is the
                       notify_master script that people write: the AWS command line, once per table,
                       here at the same time for all tables
    keepalived_100ms   the same with adverts every 0.1 s
    aws-vpc-move-ip    Debian's resource agent, stopped here and started there, at once and without
                       the cluster manager that would have to notice first: the best case

A subject knows how to be started, struck and stopped; what came of it is seen from outside (sight.py).
"""

import os
import signal
import subprocess
import time
from typing import Dict, List

from vpc import DB_HOSTS, TABLES, VIP, Lab, LabError, now_ns
from vpc.layout import BY_NAME, INSTANCE
from vpc.mysql import SOCKET

KEEPALIVED = "/usr/sbin/keepalived"
MOVE_IP = "/usr/lib/ocf/resource.d/heartbeat/aws-vpc-move-ip"
AWS = "/usr/bin/aws"
READY_S = 40.0


def other(host: str) -> str:
    return DB_HOSTS[1] if host == DB_HOSTS[0] else DB_HOSTS[0]


def descendants(pid: int) -> List[int]:
    """Outside numbers of everything below a process of ours."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            below = [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return below + [more for child in below for more in descendants(child)]


def strike(pid: int, number: int) -> int:
    """The moment before the signal is sent."""
    struck = now_ns()
    os.kill(pid, number)
    return struck


def clean(lab: Lab) -> None:
    """No agents, route, parameter or alias; both servers run."""
    lab.heal()
    for name in DB_HOSTS:
        host = lab.host(name)
        host.agent_stop()
        host.mysql_start()
        host.exec(["ip", "addr", "flush", "dev", "eth0", "to", f"{VIP}/32"])
        host.exec(["find", "/var/lib/zonevip", "-mindepth", "1", "-delete"])
        host.exec(["rm", "-f", "/run/zonevip-script/notify.log"])
    lab.set_route(None)
    for name in lab.summary()["parameters"]:
        lab.set_parameter(None, name)


class Subject:
    name = ""
    faults: tuple = ()  # those of failover.py that make sense for it

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def start(self) -> None:
        """From a clean lab to: DB_Host1 has the VIP and the other could take it."""

    def stop(self) -> None:
        """Back to a clean lab."""

    def repair(self, host: str) -> None:
        """After a fault struck host: as good as before, the winner keeps the VIP."""

    def pids(self, host: str) -> List[int]:
        """Its processes there, outside numbers."""
        raise NotImplementedError

    def ready(self) -> None:
        """Waits until the one that has not the VIP could take it."""

    def end(self, owner: str) -> int:
        """SIGTERM of the owner's agent; returns the moment."""
        return strike(self.pids(owner)[0], signal.SIGTERM)

    def mysqld_gone(self, owner: str) -> None:
        """Told after mysqld was struck: for those that do not look themselves."""

    def notified(self, winner: str, since: int) -> int:
        """When its script for the new MASTER began, 0 = not yet."""
        return next((call["t_ns"] for call in self.lab.host(winner).notifications()
                     if call["t_ns"] >= since and "MASTER" in call["arguments"]), 0)


class Zonevip(Subject):
    name = "zonevip"
    faults = ("mysqld_term", "mysqld_kill9", "mysqld_hang", "agent_term", "agent_kill9", "host_cut", "switchover")

    def start(self) -> None:
        clean(self.lab)
        self.lab.install_conf(self.lab.conf_text())
        self.lab.host("DB_Host1").agent_start()  # alone first: on an empty VPC either may win
        self.lab.wait_owner("DB_Host1", READY_S)
        self.lab.host("DB_Host2").agent_start()
        self.ready()

    def stop(self) -> None:
        clean(self.lab)

    def instance(self, host: str) -> dict:
        return self.lab.status(host)["instances"][0]

    def ready(self) -> None:
        """A node that has failed is held back until somebody acknowledges that."""
        def is_ready() -> bool:
            try:
                for name in DB_HOSTS:
                    self.lab.host(name).exec(["zonevipctl", "ack", INSTANCE])
                states = {name: self.instance(name) for name in DB_HOSTS}
                proven = all(peer["proven"] and peer["hears_us"] for name in DB_HOSTS
                             for peer in self.lab.status(name)["peers"])
            except LabError:
                return False
            return proven and sorted(one["state_name"] for one in states.values()) == ["BACKUP", "MASTER"] and \
                all(one["eligible"] for one in states.values() if one["state_name"] == "BACKUP")
        self.lab.wait_for(is_ready, READY_S, "one to be MASTER and the other fit to follow")

    def repair(self, host: str) -> None:
        self.lab.heal()
        here = self.lab.host(host)
        here.mysql_start()
        if not here.agent_status()["pid"]:
            here.agent_start()

        self.lab.wait_for(lambda: here.agent_status()["ready"], READY_S, f"the agent on {host}")
        self.ready()

    def pids(self, host: str) -> List[int]:
        return [self.lab.host(host).outer_pid("zonevipd")]

    def switchover(self, owner: str) -> int:
        struck = now_ns()
        self.lab.host(owner).exec(["zonevipctl", "switchover", INSTANCE])
        return struck


KEEPALIVED_CONF = """global_defs {{
    router_id {name}
    script_user root
    vrrp_version {version}
}}
vrrp_script mysqld {{
    script "/usr/bin/mysqladmin --no-defaults --socket={socket} ping"
    interval {interval}
}}
{instances}"""

KEEPALIVED_INSTANCE = """vrrp_instance {instance} {{
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id {id}
    priority {priority}
    advert_int {advert}
    unicast_src_ip {address}
    unicast_peer {{
        {peer}
    }}
    virtual_ipaddress {{
        {vip}/32 dev eth0 label eth0:{label}
    }}
    {script}
}}
"""

# $1: the interface of this host. Stamped first, then every table at once.
NOTIFY_MASTER = """#!/bin/bash
printf '%s INSTANCE {instance} MASTER\\n' "$EPOCHREALTIME" >>/run/zonevip-script/notify.log
export AWS_CONFIG_FILE=/etc/zonevip/aws.config
for table in {tables}; do
    {aws} ec2 replace-route --route-table-id "$table" --destination-cidr-block {vip}/32 \\
        --network-interface-id {eni} >/dev/null 2>>/run/zonevip-script/notify.err &
done
wait
"""


def aws_files(lab: Lab) -> None:
    """What the AWS command line wants to find."""
    for name in DB_HOSTS:
        with open(lab.host(name).path("/etc/zonevip/aws.config"), "w", encoding="ascii") as file:
            file.write("[default]\nregion = us-east-1\noutput = text\n")


class Keepalived(Subject):
    name = "keepalived"
    faults = ("mysqld_term", "mysqld_kill9", "agent_term", "agent_kill9", "host_cut")
    advert = "1"
    version = "2"  # its default; adverts of less than a second need 3

    def __init__(self, lab: Lab, vips: int = 1, script: bool = True) -> None:
        super().__init__(lab)
        self.vips = vips
        self.script = script
        self.running: Dict[str, subprocess.Popen] = {}

    def conf(self, name: str) -> str:
        spec, peer = BY_NAME[name], BY_NAME[other(name)]
        tail = "track_script {\n        mysqld\n    }\n" if self.script else ""
        tail += '    notify_master "/etc/zonevip/notify-master.sh"' if self.vips == 1 else ""
        instances = "".join(KEEPALIVED_INSTANCE.format(
            instance=f"VI_{number}", id=number + 1, priority=spec.priority, advert=self.advert, address=spec.address,
            peer=peer.address, vip=VIP if number == 0 else f"10.1.{6 + number // 250}.{1 + number % 250}",
            label=number + 1, script=tail) for number in range(self.vips))
        return KEEPALIVED_CONF.format(name=name, version=self.version, socket=SOCKET, interval=1, instances=instances)

    def start(self) -> None:
        clean(self.lab)
        aws_files(self.lab)
        self.lab.set_route("DB_Host1")  # what a human makes once; the script only replaces
        for name in DB_HOSTS:
            self.write(name)
            self.launch(name)
            if name == "DB_Host1":
                self.lab.wait_for(lambda: self.lab.holders() == ["DB_Host1"], READY_S, "keepalived to be MASTER")
        time.sleep(2)  # the second has heard the first
        self.quiet()

    def quiet(self) -> None:
        """Waits until no notify script runs: one that still writes routes belongs to the last fault."""
        def done() -> bool:
            return not any(_name(pid) in ("aws", "notify-master.s") for process in self.running.values()
                           for pid in descendants(process.pid))
        self.lab.wait_for(done, READY_S, "the notify scripts to end")

    def write(self, name: str) -> None:
        host = self.lab.host(name)
        with open(host.path("/etc/zonevip/keepalived.conf"), "w", encoding="ascii") as file:
            file.write(self.conf(name))
        with open(host.path("/etc/zonevip/notify-master.sh"), "w", encoding="ascii") as file:
            file.write(NOTIFY_MASTER.format(instance=INSTANCE, tables=" ".join(TABLES), aws=AWS, vip=VIP,
                                            eni=BY_NAME[name].eni))
        os.chmod(host.path("/etc/zonevip/notify-master.sh"), 0o755)

    def launch(self, name: str) -> None:
        log = open(os.path.join(self.lab.dir, "log", f"{name}.keepalived.log"), "ab")
        with log:
            self.running[name] = self.lab.host(name).popen(
                [KEEPALIVED, "--dont-fork", "--log-console", "--vrrp", "--use-file=/etc/zonevip/keepalived.conf",
                 "--pid=/run/keepalived.pid", "--vrrp_pid=/run/keepalived-vrrp.pid"], stdout=log, stderr=log)

    def pids(self, host: str) -> List[int]:
        """Its two processes: below nsenter, the parent and the one that speaks VRRP."""
        found = [pid for pid in descendants(self.running[host].pid) if _name(pid) == "keepalived"]
        if not found:
            raise LabError(f"keepalived does not run on {host}")
        return found

    def stop(self) -> None:
        for name, process in self.running.items():
            self._end(name)
            process.wait(timeout=10)
        self.running.clear()
        clean(self.lab)

    def _end(self, name: str) -> None:
        for pid in reversed(descendants(self.running[name].pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def end_hard(self, host: str) -> int:
        pids = self.pids(host)
        struck = now_ns()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return struck

    def repair(self, host: str) -> None:
        self.lab.heal()
        self.lab.host(host).mysql_start()
        if self.running[host].poll() is not None or not descendants(self.running[host].pid):
            self.running[host].wait(timeout=10)
            self.lab.host(host).exec(["rm", "-f", "/run/keepalived.pid", "/run/keepalived-vrrp.pid"])
            self.lab.host(host).exec(["ip", "addr", "flush", "dev", "eth0", "to", f"{VIP}/32"])
            self.launch(host)
        time.sleep(2)
        self.lab.wait_for(lambda: len(self.lab.holders()) == 1, READY_S, "the address to be on one host")
        time.sleep(2)  # of two MASTERs after a cut one yields, by priority
        self.quiet()
        self.lab.set_route(self.lab.wait_for(lambda: len(self.lab.holders()) == 1 and self.lab.holders()[0], READY_S,
                                             "the address to be on one host"))


class Keepalived100(Keepalived):
    name = "keepalived_100ms"
    advert = "0.1"
    version = "3"


class MoveIp(Subject):
    name = "aws-vpc-move-ip"
    faults = ("mysqld_term", "mysqld_kill9")
    environment = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESKEY_ip": VIP, "OCF_RESKEY_interface": "eth0",
                   "OCF_RESKEY_routing_table": ",".join(TABLES), "OCF_RESKEY_region": "us-east-1",
                   "OCF_RESKEY_awscli": AWS, "OCF_RESOURCE_INSTANCE": "vip", "HA_RSCTMP": "/run/resource-agents",
                   "AWS_CONFIG_FILE": "/etc/zonevip/aws.config"}

    def agent(self, host: str, action: str) -> None:
        words = [f"{name}={value}" for name, value in self.environment.items()]
        self.lab.host(host).exec(["/usr/bin/env", *words, MOVE_IP, action], timeout=60)

    def start(self) -> None:
        clean(self.lab)
        aws_files(self.lab)
        for name in DB_HOSTS:
            self.lab.host(name).exec(["mkdir", "-p", "/run/resource-agents"])
        self.lab.set_route("DB_Host1")
        self.agent("DB_Host1", "start")

    def mysqld_gone(self, owner: str) -> None:
        """What a cluster manager does: it stops the group where it failed, then starts it elsewhere."""
        self.agent(owner, "stop")
        self.agent(other(owner), "start")

    def repair(self, host: str) -> None:
        self.lab.host(host).mysql_start()

    def stop(self) -> None:
        clean(self.lab)

    def pids(self, host: str) -> List[int]:
        return []

    def notified(self, winner: str, since: int) -> int:
        return 0


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


SUBJECTS = {subject.name: subject for subject in (Zonevip, Keepalived, Keepalived100, MoveIp)}
