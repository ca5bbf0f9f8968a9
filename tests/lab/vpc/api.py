# SPDX-License-Identifier: MIT
"""Lab: what tests, the demo and scripts/lab hold in their hands. The contract is in __init__.py."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Callable

from . import conf as configuration
from . import lifecycle
from . import mysql
from .clock import now_ns
from .control import call
from .errors import LabError
from .host import Host
from kit.relay import Relay
from .layout import BY_NAME, DB_HOSTS, HOSTS, INSTANCE_ROLE, PARAMETER, TABLES, VIP

POLL_S = 0.01


class Lab:
    def __init__(self, dir: str | None = None, bindir: str | None = None, conf: str | None = None,
                 tie: bool = True, sandbox: bool = False) -> None:
        self.dir = os.path.abspath(dir) if dir else ""
        self._bindir = os.path.abspath(bindir) if bindir else None
        self._conf = conf if conf is not None else configuration.conf_text()
        self._tie = tie
        self._sandbox = sandbox
        self._run: lifecycle.Run | None = None
        self._hosts: dict[str, Host] = {}

    @classmethod
    def attach(cls, dir: str) -> Lab:
        """A lab that somebody else brought up."""
        lab = cls(dir=dir, tie=False)
        lab._connect(lifecycle.attach(lab.dir))
        return lab

    def up(self) -> None:
        run = lifecycle.start(self.dir, self._bindir, self._conf, self._tie, self._sandbox)
        self.dir = run.dir
        try:
            self._connect(run)
        except BaseException:
            lifecycle.stop(self.dir, keep_logs=False)
            raise

    def _connect(self, run: lifecycle.Run) -> None:
        self._run = run
        anchors = self._top("ping")["anchors"]
        self._hosts = {host.name: Host(self, host.name, run.outer_pid(anchors[host.name])) for host in HOSTS}

    def down(self, keep_logs: bool = False) -> None:
        """Also of a lab that has died; doing it twice is no error."""
        if self.dir:
            lifecycle.stop(self.dir, keep_logs)
        if self._run:
            self._run.close()
        self._run = None
        self._hosts = {}

    def __enter__(self) -> Lab:
        self.up()
        return self

    def __exit__(self, *exc: object) -> None:
        self.down()

    # --- parts ---

    def socket(self, name: str) -> str:
        return f"{self.dir}/sock/{name}"

    def _top(self, op: str, **arguments: Any) -> Any:
        return call(self.socket("top"), op, **arguments)

    def _cloud(self, op: str, **arguments: Any) -> Any:
        return call(self.socket("cloud"), op, **arguments)

    def _recorder(self, op: str, **arguments: Any) -> Any:
        return call(self.socket("recorder"), op, **arguments)

    def note(self, what: str, **arguments: Any) -> None:
        """A line in the history, so that what happened can be told from what was done to it."""
        self._top("note", what=what, **arguments)

    def host(self, name: str) -> Host:
        if name not in BY_NAME:
            raise LabError(f"no host '{name}' (hosts: {', '.join(BY_NAME)})")
        if not self._hosts:
            raise LabError("the lab is not up")
        return self._hosts[name]

    @property
    def hosts(self) -> list[Host]:
        return [self.host(host.name) for host in HOSTS]

    def uid(self, user: str) -> int:
        users = self._top("ping")["users"]
        if user not in users:
            raise LabError(f"no user '{user}' (users: {', '.join(users)})")
        return users[user]

    def outer_pid(self, pid: int) -> int:
        if not self._run:
            raise LabError("the lab is not up")
        return self._run.outer_pid(pid)

    def problems(self) -> list[str]:
        """Parts of the lab itself that have died; a judge who finds one must not judge."""
        return self._top("ping")["problems"]

    # --- what is ---

    def routes(self, destination: str = VIP + "/32") -> dict[str, str | None]:
        return self._recorder("routes", destination=destination)

    def holders(self, address: str = VIP) -> list[str]:
        return self._recorder("holders", address=address)

    def addresses(self, host: str) -> list[dict]:
        return self._recorder("addresses", host=host)

    def parameter(self, name: str = PARAMETER) -> tuple[str | None, int]:
        value, version = self._cloud("parameter", name=name)
        return value, version

    def summary(self) -> dict:
        """Tables, parameters and source/destination checks as AWS has them."""
        return self._cloud("summary")

    def status(self, host: str) -> dict:
        return json.loads(self.host(host).exec(["zonevipctl", "json"]).stdout)

    def owner(self) -> str | None:
        """The host that every table and the parameter name and that carries the VIP, if there is one."""
        names = set(self.routes().values()) | {self.parameter()[0]}
        if len(names) != 1:
            return None
        name = names.pop()
        return name if name in self.holders() else None

    def wait_owner(self, host: str, timeout: float) -> None:
        try:
            self.wait_for(lambda: self.owner() == host, timeout, f"{host} to own the VIP")
        except LabError as error:
            raise LabError(f"{error}: routes {self.routes()}, parameter {self.parameter()}, "
                           f"address on {self.holders()}") from None

    @staticmethod
    def wait_for(fn: Callable[[], Any], timeout: float, what: str) -> Any:
        end = time.monotonic() + timeout
        while True:
            value = fn()
            if value:
                return value
            if time.monotonic() > end:
                raise LabError(f"waited {timeout:g} s in vain for {what}")
            time.sleep(POLL_S)

    def log(self, since: int = 0, action: str | None = None, host: str | None = None) -> list[dict]:
        lines = self._lines("api.jsonl", since)
        return [line for line in lines if action in (None, line["action"]) and host in (None, line["host"])]

    def history(self, since: int = 0, event: str | None = None, host: str | None = None) -> list[dict]:
        lines = self._lines("history.jsonl", since)
        return [line for line in lines if event in (None, line["event"]) and host in (None, line["host"])]

    def _lines(self, name: str, since: int) -> list[dict]:
        with open(f"{self.dir}/{name}") as stream:
            lines = [json.loads(line) for line in stream if line.endswith("\n")]
        return sorted((line for line in lines if line["t_ns"] >= since), key=lambda line: line["t_ns"])

    def read_log(self, name: str) -> str:
        try:
            with open(f"{self.dir}/log/{name}", errors="replace") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""

    @property
    def operator(self) -> tuple[str, str]:
        with open(f"{self.dir}/operator.json") as stream:
            keys = json.load(stream)
        return keys["access_key"], keys["secret"]

    # --- an operator's hand ---

    def set_route(self, host: str | None, table: str | None = None, destination: str = VIP + "/32") -> None:
        self._cloud("set_route", host=host, table=table, destination=destination)
        self.note("set-route", host=host, table=table, destination=destination)

    def set_parameter(self, value: str | None, name: str = PARAMETER, type: str = "String",
                      label: str | None = None) -> None:
        self._cloud("set_parameter", name=name, value=value, type=type, label=label)
        self.note("set-parameter", name=name, value=value)

    def replicate(self, source: str = "DB_Host1") -> None:
        """Both servers from the same beginning: one takes writes, the other is its read-only replica."""
        self.unreplicate()
        for name in DB_HOSTS:
            host = self.host(name)
            host.mysql("SET sql_log_bin=0; TRUNCATE mlb.commits; DELETE FROM zonevip.heartbeat; RESET MASTER; "
                       "SET GLOBAL gtid_slave_pos=''")
            host.install_secret("repl.pw", mysql.REPL_PASSWORD)
        for name in DB_HOSTS:
            if name != source:
                self.host(name).mysql("SET GLOBAL read_only=1; " + mysql.source_of(BY_NAME[source].address))
        self.note("replicate", source=source)

    def unreplicate(self) -> None:
        """Two servers that know nothing of each other and take writes."""
        for name in DB_HOSTS:
            self.host(name).mysql("STOP ALL SLAVES; RESET SLAVE ALL; SET GLOBAL read_only=0")

    @staticmethod
    def conf_text(**changes: dict) -> str:
        return configuration.conf_text(**changes)

    def install_conf(self, text: str, host: str | None = None) -> None:
        self._install("zonevip.conf", text.encode(), host)

    def install_key(self, key: bytes, host: str | None = None) -> None:
        self._install("heartbeat.key", key, host)

    def install_programs(self, bindir: str, host: str | None = None) -> None:
        """New programs on disk; what runs goes on running the old ones."""
        for name in [host] if host else DB_HOSTS:
            self._top("install", host=name, names=["zonevip.conf"], bindir=os.path.abspath(bindir))

    def _install(self, name: str, content: bytes, host: str | None) -> None:
        with open(f"{self.dir}/etc/{name}.given", "wb") as stream:
            stream.write(content)
        os.rename(f"{self.dir}/etc/{name}.given", f"{self.dir}/etc/{name}")
        for one in [host] if host else DB_HOSTS:
            self._top("install", host=one, names=[name], bindir=None)

    # --- faults ---

    def fault(self, action: str = "*", host: str | None = None, resource: str | None = None,
              times: int | None = None, **effects: Any) -> int:
        rule = self._cloud("fault", action=action, host=host, resource=resource, times=times, effects=effects)
        self.note("fault", rule=rule, action=action, host=host, resource=resource, times=times, **effects)
        return rule

    def unfault(self, rule: int) -> None:
        self._cloud("unfault", number=rule)
        self.note("unfault", rule=rule)

    def tls(self, kind: str, host: str | None = None) -> None:
        self._cloud("tls", kind=kind, host=host)
        self.note("tls", kind=kind, host=host)

    def cut(self, a: str, b: str | None = None, oneway: bool = False) -> None:
        self._top("cut", a=a, b=b, oneway=oneway)
        self.note("cut", a=a, b=b, oneway=oneway)

    def loss(self, percent: float, a: str = "DB_Host1", b: str = "DB_Host2", oneway: bool = False,
             port: int | None = None) -> None:
        self._top("loss", percent=percent, a=a, b=b, oneway=oneway, port=port)
        self.note("loss", percent=percent, a=a, b=b, oneway=oneway, port=port)

    def relay(self, seed: int, **manner: Any) -> Relay:
        self._top("relay")
        relay = Relay(self)
        relay.manner(seed, **manner)
        return relay

    def relay_stop(self) -> None:
        self._top("relay_stop")
        self.note("relay-stop")

    def sdcheck(self, host: str, on: bool) -> None:
        self._cloud("sdcheck", host=host, on=on)
        self.note("sdcheck", host=host, on=on)

    def iam_deny(self, action: str, host: str | None = None) -> None:
        self._cloud("iam", action=action, host=host, deny=True)
        self.note("iam-deny", action=action, host=host)

    def iam_allow(self, action: str, host: str | None = None) -> None:
        self._cloud("iam", action=action, host=host, deny=False)
        self.note("iam-allow", action=action, host=host)

    def iam_policy(self, document: dict | None, role: str = INSTANCE_ROLE) -> None:
        self._cloud("policy", role=role, document=document)
        self.note("iam-policy", role=role, document=document)

    def instance_state(self, host: str, state: str) -> None:
        self._cloud("instance", host=host, state=state)
        self.note("instance", host=host, state=state)

    def delete_table(self, table: str) -> None:
        self._cloud("delete_table", table=table)
        self.note("delete-table", table=table)

    def security_group(self, group: str, **rules: list[dict]) -> None:
        self._cloud("security_group", group=group, rules=rules)
        self.note("security-group", group=group, rules=rules)

    def faults(self) -> list[dict]:
        dns = [{"kind": "dns", "what": f"hang on {host.name}"} for host in self.hosts if host.dns_hangs()]
        return self._top("faults") + self._cloud("faults") + dns

    def heal(self) -> None:
        self._top("heal")
        self._cloud("heal")
        for host in self.hosts:
            if host.dns_hangs():
                host.dns("ok")
            host.heal_kit()
        self.note("heal")

    @staticmethod
    def now_ns() -> int:
        return now_ns()

    @property
    def tables(self) -> tuple[str, ...]:
        return TABLES
