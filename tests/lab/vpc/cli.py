# SPDX-License-Identifier: MIT
"""scripts/lab: the Python API as a command."""

from __future__ import annotations

import argparse
import json
import os
import sys

from .api import Lab
from .cloud.effects import EFFECTS
from .errors import LabError
from .layout import BY_NAME, DB_HOSTS
from .lifecycle import is_up, stop

SERVICES = ("zonevipd", "zonevip-notify", "mysqld")


def default_dir() -> str:
    given = os.environ.get("ZONEVIP_LAB_DIR")
    if given:
        return given
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return os.path.join(runtime if runtime and os.path.isdir(runtime) else "/tmp", "zonevip-lab")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="scripts/lab", description="A VPC of four hosts in network namespaces: the lab of zonevip.",
        epilog="Labs live side by side, each in its directory (--dir, or ZONEVIP_LAB_DIR).")
    top.add_argument("--dir", default=default_dir(), help="the lab's directory (now: %(default)s)")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--dir", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return sub

    up = add("up", "bring the lab up; returns when it is ready")
    up.add_argument("--bin", metavar="DIR", help="build directory with zonevipd, zonevipctl, zonevip-notify")
    up.add_argument("--conf", metavar="FILE", help="zonevip.conf for both database hosts instead of the lab's own")
    up.add_argument("--agents", action="store_true", help="start the agents too")
    add("down", "end the lab and remove every trace").add_argument(
        "--keep-logs", action="store_true", help="leave the logs in the directory")
    add("status", "what is routed where, who is up, which faults are on").add_argument(
        "--json", action="store_true")
    run = add("exec", "run a command on a host: exec HOST -- CMD ...")
    run.add_argument("host", choices=BY_NAME)
    run.add_argument("--user", help="zonevip or zonevip-script instead of root")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD ...")
    add("conf", "print the configuration file that the lab installs")
    log = add("log", "calls that the endpoint answered, one a line")
    log.add_argument("--json", action="store_true")
    for action in ("start", "stop", "kill"):
        add(f"mysql-{action}", f"{action} mysqld on a host").add_argument("host", choices=DB_HOSTS)
    agent = add("agent", "the supervisor's commands for zonevipd")
    agent.add_argument("action", choices=("start", "stop", "kill", "kill-norestart", "restart", "reload", "status",
                                          "log"))
    agent.add_argument("host", choices=DB_HOSTS)
    _fault_parser(add("fault", "switch faults on and off"))
    add("heal", "undo every fault")
    return top


def _fault_parser(fault: argparse.ArgumentParser) -> None:
    kinds = fault.add_subparsers(dest="kind", required=True, metavar="KIND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        sub = kinds.add_parser(name, help=text, description=text)
        sub.add_argument("--dir", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return sub

    api = add("api", "calls to AWS go wrong")
    api.add_argument("action", help="ReplaceRoute, GetParameter, ..., or ec2, ssm, sts, '*'")
    api.add_argument("--host", choices=BY_NAME)
    api.add_argument("--resource", help="only this route table or parameter")
    api.add_argument("--times", type=int, help="only so many calls")
    for name, kind in EFFECTS.items():
        if kind is bool:
            api.add_argument(f"--{name}", action="store_true", default=None)
        else:
            api.add_argument(f"--{name}", type=kind)
    add("remove", "switch one api fault off").add_argument("rule", type=int)
    cut = add("cut", "silence: one host, or between two ('aws' is the endpoint)")
    cut.add_argument("a")
    cut.add_argument("b", nargs="?")
    cut.add_argument("--oneway", action="store_true", help="only packets from the first to the second vanish")
    loss = add("loss", "lose packets between two hosts (default: the database hosts)")
    loss.add_argument("percent", type=float)
    loss.add_argument("hosts", nargs="*", default=list(DB_HOSTS), metavar="A B")
    loss.add_argument("--oneway", action="store_true")
    loss.add_argument("--port", type=int, help="only this UDP port")
    for name, words in (("imds", "ok off hang slow 401 404 503 norole expired badsecret"), ("dns", "ok hang"),
                        ("sdcheck", "on off")):
        sub = add(name, f"{name} of a host: {words}")
        sub.add_argument("host", choices=BY_NAME)
        sub.add_argument("mode", choices=words.split())
    tls = add("tls", "which certificate the endpoint shows")
    tls.add_argument("mode", choices=("ok", "expired", "selfsigned", "wrongname", "old"))
    tls.add_argument("--host", choices=BY_NAME)
    iam = add("iam", "take a right away, or give it back")
    iam.add_argument("mode", choices=("deny", "allow"))
    iam.add_argument("action", help="ec2:ReplaceRoute, 'ssm:*', ...")
    iam.add_argument("--host", choices=BY_NAME)
    for name in ("freeze", "stop", "cont"):
        sub = add(name, {"freeze": "freeze processes of a host", "stop": "SIGSTOP", "cont": "SIGCONT"}[name])
        sub.add_argument("host", choices=DB_HOSTS)
        sub.add_argument("services", nargs="*" if name == "freeze" else "+", choices=[*SERVICES, []])
    add("thaw", "thaw a host").add_argument("host", choices=DB_HOSTS)
    add("list", "what is on")
    add("heal", "undo every fault")


def main() -> None:
    arguments = parser().parse_args()
    arguments.dir = os.path.abspath(arguments.dir)
    try:
        status = COMMANDS[arguments.command](arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status or 0)


def _up(arguments: argparse.Namespace) -> None:
    conf = None
    if arguments.conf:
        try:
            with open(arguments.conf) as stream:
                conf = stream.read()
        except OSError as error:
            raise LabError(f"{arguments.conf}: {error.strerror}") from None
    lab = Lab(dir=arguments.dir, bindir=arguments.bin, conf=conf, tie=False)
    lab.up()
    if arguments.agents:
        for name in DB_HOSTS:
            lab.host(name).agent_start()
    print(f"lab is up in {lab.dir}")


def _down(arguments: argparse.Namespace) -> None:
    stop(arguments.dir, arguments.keep_logs)


def _status(arguments: argparse.Namespace) -> int:
    if not is_up(arguments.dir):
        print(f"no lab is up in {arguments.dir}")
        return 3
    lab = Lab.attach(arguments.dir)
    facts = {"dir": lab.dir, "routes": lab.routes(), "parameter": lab.parameter(), "holders": lab.holders(),
             "aws": lab.summary(), "faults": lab.faults(), "problems": lab.problems(),
             "services": {host: lab.host(host).services() for host in DB_HOSTS}}
    print(json.dumps(facts, indent=2) if arguments.json else _status_text(facts))
    return 1 if facts["problems"] else 0


def _status_text(facts: dict) -> str:
    lines = [f"lab in {facts['dir']}"]
    lines += [f"  {table}: VIP -> {target or 'nobody'}" for table, target in facts["routes"].items()]
    value, version = facts["parameter"]
    lines.append(f"  MasterDB_VIP: {value} (version {version})" if value else "  MasterDB_VIP: not set")
    lines.append(f"  address on: {', '.join(facts['holders']) or 'nobody'}")
    for host, services in facts["services"].items():
        words = [f"{name} {view['state']}" + (f" (pid {view['pid']})" if view["pid"] else "")
                 for name, view in services.items()]
        lines.append(f"  {host}: " + ", ".join(words))
    for fault in facts["faults"]:
        lines.append("  fault: " + " ".join(f"{name}={value}" for name, value in fault.items() if value is not None))
    return "\n".join(lines + [f"  BROKEN: {problem}" for problem in facts["problems"]])


def _exec(arguments: argparse.Namespace) -> None:
    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    host = Lab.attach(arguments.dir).host(arguments.host)
    command = host.command(argv or ["/bin/bash"], arguments.user)
    os.execve(command[0], command, host.environment())


def _conf(arguments: argparse.Namespace) -> None:
    sys.stdout.write(Lab.conf_text())


def _log(arguments: argparse.Namespace) -> None:
    for line in Lab.attach(arguments.dir).log():
        if arguments.json:
            print(json.dumps(line))
        else:
            note = f" {line['code']}: {line['error']}" if line["code"] else ""
            print(f"{line['t_ns'] / 1e9:.3f} {line['host']} {line['action']} {line['params']} "
                  f"{line['status']} {line['latency_ms']} ms{note}{' [' + line['auth'] + ']' if line['auth'] else ''}")


def _mysql(arguments: argparse.Namespace) -> None:
    host = Lab.attach(arguments.dir).host(arguments.host)
    {"mysql-start": host.mysql_start, "mysql-stop": host.mysql_stop, "mysql-kill": host.mysql_kill}[
        arguments.command]()


def _agent(arguments: argparse.Namespace) -> None:
    host = Lab.attach(arguments.dir).host(arguments.host)
    if arguments.action == "status":
        print(json.dumps(host.agent_status(), indent=2))
    elif arguments.action == "log":
        sys.stdout.write(host.agent_log())
    elif arguments.action == "kill-norestart":
        host.agent_kill(restart=False)
    else:
        getattr(host, "agent_" + arguments.action)()


def _fault(arguments: argparse.Namespace) -> None:
    FAULTS[arguments.kind](Lab.attach(arguments.dir), arguments)


def _fault_api(lab: Lab, arguments: argparse.Namespace) -> None:
    effects = {name: getattr(arguments, name) for name in EFFECTS if getattr(arguments, name) is not None}
    print(lab.fault(arguments.action, arguments.host, arguments.resource, arguments.times, **effects))


def _fault_loss(lab: Lab, arguments: argparse.Namespace) -> None:
    if len(arguments.hosts) != 2:
        raise LabError("loss is between two hosts: loss PERCENT A B")
    lab.loss(arguments.percent, *arguments.hosts, oneway=arguments.oneway, port=arguments.port)


def _fault_iam(lab: Lab, arguments: argparse.Namespace) -> None:
    (lab.iam_deny if arguments.mode == "deny" else lab.iam_allow)(arguments.action, arguments.host)


def _fault_signal(lab: Lab, arguments: argparse.Namespace) -> None:
    for service in arguments.services:
        lab.host(arguments.host).signal(service, arguments.kind.upper())


def _fault_list(lab: Lab, arguments: argparse.Namespace) -> None:
    for fault in lab.faults():
        print(json.dumps(fault))


COMMANDS = {"up": _up, "down": _down, "status": _status, "exec": _exec, "conf": _conf, "log": _log,
            "mysql-start": _mysql, "mysql-stop": _mysql, "mysql-kill": _mysql, "agent": _agent, "fault": _fault,
            "heal": lambda arguments: Lab.attach(arguments.dir).heal()}
FAULTS = {
    "api": _fault_api, "loss": _fault_loss, "iam": _fault_iam, "stop": _fault_signal, "cont": _fault_signal,
    "list": _fault_list,
    "remove": lambda lab, arguments: lab.unfault(arguments.rule),
    "cut": lambda lab, arguments: lab.cut(arguments.a, arguments.b, arguments.oneway),
    "imds": lambda lab, arguments: lab.host(arguments.host).imds(arguments.mode),
    "dns": lambda lab, arguments: lab.host(arguments.host).dns(arguments.mode),
    "sdcheck": lambda lab, arguments: lab.sdcheck(arguments.host, arguments.mode == "on"),
    "tls": lambda lab, arguments: lab.tls(arguments.mode, arguments.host),
    "freeze": lambda lab, arguments: lab.host(arguments.host).freeze(*arguments.services),
    "thaw": lambda lab, arguments: lab.host(arguments.host).thaw(),
    "heal": lambda lab, arguments: lab.heal(),
}
