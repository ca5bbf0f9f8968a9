# SPDX-License-Identifier: MIT
"""The process that is the lab's AWS: listens on every side, obeys the lab's control socket."""

import json
import os
import socket
import ssl
import sys
import threading
import warnings

from .. import ca
from ..control import Server, call
from ..errors import LabError
from ..kernel import socket_in
from ..layout import BY_NAME, HOSTS, IMDS_ADDRESS, OPERATOR, SERVICES, TABLES, VIP
from ..loop import Loop
from ..netlink import RouteWriter
from ..network import AWS, ROUTER
from .endpoint import Endpoint
from .faults import Faults
from .http import Listener
from .iam import CREDENTIAL_LIFE_S, CredentialStore, Rights
from .imds import Imds
from .sigv4 import utc_now
from .state import INSTANCE_STATES, State

TLS_KINDS = (*ca.KINDS, "old")


def _listen(netns: str, address: str, port: int) -> socket.socket:
    sock = socket_in(netns, socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(128)
    return sock


class Tls:
    """Which certificate whom is shown."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._kinds: dict[str | None, str] = {}
        self._context("ok")

    def _context(self, kind: str) -> ssl.SSLContext:
        if kind not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if kind == "old":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
                context.set_ciphers("ALL:@SECLEVEL=0")
            context.load_cert_chain(*ca.certificate(self._folder, "ok" if kind == "old" else kind))
            self._contexts[kind] = context
        return self._contexts[kind]

    def of_peer(self, peer: str) -> ssl.SSLContext:
        return self._contexts[self._kinds.get(peer, self._kinds.get(None, "ok"))]

    def set(self, kind: str, host: str | None) -> None:
        if kind not in TLS_KINDS:
            raise LabError(f"no TLS kind '{kind}' (kinds: {', '.join(TLS_KINDS)})")
        self._context(kind)
        self._kinds[BY_NAME[host].address if host else None] = kind

    def clear(self) -> None:
        self._kinds.clear()

    def list(self) -> list[str]:
        names = {host.address: host.name for host in HOSTS}
        return [f"{kind} to {names.get(peer, 'everybody')}" for peer, kind in self._kinds.items() if kind != "ok"]


class Cloud:
    """The control socket's side: what `lab fault`, `lab status` and the Python API ask for."""

    def __init__(self, lab: str) -> None:
        self._top = f"{lab}/sock/top"
        self.store, self.rights, self.faults = CredentialStore(), Rights(), Faults()
        self.tls = Tls(f"{lab}/ca")
        self.state = State(RouteWriter(ROUTER))
        self.imds = {host.name: Imds(host, self.store) for host in HOSTS if host.database}
        self.endpoint = Endpoint(self.state, self.store, self.rights, self.faults, f"{lab}/api.jsonl",
                                 self._sdcheck_in_router)
        operator = self.store.issue(OPERATOR, OPERATOR, None, None, utc_now())
        with open(os.open(f"{lab}/operator.json", os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
            json.dump({"access_key": operator.access_key, "secret": operator.secret}, stream)

    def _sdcheck_in_router(self, host: str, on: bool) -> None:
        call(self._top, "sdcheck", host=host, on=on)

    def listen(self) -> list[Listener]:
        sides = [Listener(_listen(AWS, address, 443), self.endpoint.handle, self.tls.of_peer)
                 for address in SERVICES.values()]
        return sides + [Listener(_listen(name, IMDS_ADDRESS, 80), imds.handle) for name, imds in self.imds.items()]

    def handlers(self) -> dict:
        return {"summary": self.state.summary, "set_route": self.set_route, "sdcheck": self.sdcheck,
                "set_parameter": self.state.set_parameter, "parameter": self.parameter,
                "fault": self.add_fault, "unfault": self.faults.remove, "faults": self.list_faults,
                "instance": self.set_instance, "delete_table": self.delete_table, "security_group": self.set_group,
                "policy": self.rights.set_policy, "heal": self.heal, "tls": self.tls.set, "iam": self.iam, "imds": self.set_imds,
                "imds_calls": lambda host: self._imds(host).calls, "announce": self.announce,
                "credentials": self.credentials}

    def set_route(self, host: str | None, table: str | None, destination: str) -> None:
        if host is not None and host not in BY_NAME:
            raise LabError(f"no host '{host}'")
        if table is not None and table not in TABLES:
            raise LabError(f"no route table '{table}' (tables: {', '.join(TABLES)})")
        for one in [table] if table else TABLES:
            self.state.set_route(one, destination, host)

    def sdcheck(self, host: str, on: bool) -> None:
        if host not in BY_NAME:
            raise LabError(f"no host '{host}'")
        self._sdcheck_in_router(host, on)
        past = self.state.checks[BY_NAME[host].eni]
        past.set(on)
        past.forget()

    def parameter(self, name: str) -> list:
        versions = self.state.versions(name)
        return [versions[-1].value, versions[-1].version] if versions else [None, 0]

    def add_fault(self, action: str, host: str | None, resource: str | None, times: int | None,
                  effects: dict) -> int:
        known = [*self.endpoint.actions(), "ec2", "ssm", "sts", "*"]
        if action not in known:
            raise LabError(f"no action '{action}' (actions: {', '.join(known)})")
        return self.faults.add(action, host, resource, times, effects)

    def set_instance(self, host: str, state: str) -> None:
        if state not in INSTANCE_STATES or host not in BY_NAME:
            raise LabError(f"no state '{state}' or no host '{host}' (states: {', '.join(INSTANCE_STATES)})")
        self.state.instances[host] = state

    def delete_table(self, table: str) -> None:
        if table not in TABLES:
            raise LabError(f"no route table '{table}' (tables: {', '.join(TABLES)})")
        self.set_route(None, table, VIP + "/32")
        self.state.deleted.add(table)

    def set_group(self, group: str, rules: dict) -> None:
        if group not in self.state.groups:
            raise LabError(f"no security group '{group}' (groups: {', '.join(self.state.groups)})")
        self.state.groups[group] = {**self.state.groups[group], **rules}

    def iam(self, action: str, host: str | None, deny: bool) -> None:
        (self.rights.deny if deny else self.rights.allow)(action, host)

    def set_imds(self, host: str, mode: str) -> None:
        self._imds(host).set_mode(mode)

    def announce(self, host: str, item: str, text: str | None) -> None:
        self._imds(host).announce(item, text)

    def _imds(self, host: str) -> Imds:
        if host not in self.imds:
            raise LabError(f"'{host}' has no IMDS (hosts: {', '.join(self.imds)})")
        return self.imds[host]

    def credentials(self, host: str, life_s: float | None, revoke: bool) -> None:
        """New credentials of that life from IMDS now; revoke: the old ones are refused as expired."""
        self._imds(host)
        self.store.life_s[host] = life_s or CREDENTIAL_LIFE_S
        if revoke:
            self.store.revoke(host)
        self.store.of_instance(host, BY_NAME[host].instance_id, utc_now(), fresh=True)

    def list_faults(self) -> list[dict]:
        """One entry each; rule: for unfault, kind and what: for people."""
        rules = [{"kind": "api", **rule} for rule in self.faults.list()]
        return (rules + [{"kind": "tls", "what": what} for what in self.tls.list()]
                + [{"kind": "iam", "what": what} for what in self.rights.denied()]
                + [{"kind": "imds", "what": f"{imds.mode} on {name}"} for name, imds in self.imds.items()
                   if imds.mode != "ok"]
                + [{"kind": "sdcheck", "what": f"{'on' if past.get() else 'off'} for {host.name}"}
                   for host in HOSTS for past in [self.state.checks[host.eni]]
                   if past.get() != host.source_dest_check])

    def heal(self) -> None:
        self.state.heal()
        self.faults.clear()
        self.rights.clear()
        self.tls.clear()
        self.store.life_s.clear()
        for imds in self.imds.values():
            imds.set_mode("ok")
            imds.clear_notices()
        for host in HOSTS:
            if self.state.checks[host.eni].get() != host.source_dest_check:
                self.sdcheck(host.name, host.source_dest_check)


def main(lab: str, ready) -> None:
    """Runs for ever; calls ready() once everything listens."""
    sys.setswitchinterval(0.0005)  # many threads that each do little: a fair turn matters more than speed
    threading.excepthook = lambda args: sys.excepthook(args.exc_type, args.exc_value, args.exc_traceback)
    loop = Loop()
    cloud = Cloud(lab)
    for listener in cloud.listen():
        listener.start()
    Server(loop, f"{lab}/sock/cloud", cloud.handlers())
    ready()
    loop.run()
