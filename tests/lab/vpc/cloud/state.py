# SPDX-License-Identifier: MIT
"""What AWS knows: route tables, network interfaces, parameters. One lock, one history.

A write of a route reaches the router's kernel table under the lock, so the table, this state and
the order of the log never disagree. Every object remembers its past, so that a read can be
answered with the state of some seconds ago (eventual consistency).
"""

import ipaddress
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from ..clock import now, now_ns
from ..layout import (BY_ENI, BY_NAME, HOSTS, ROUTE_TABLES, SERVICES, SUBNET_OF, VPC_CIDR)
from ..netlink import RouteWriter
from ..network import AWS
from . import groups

HISTORY_S = 120.0
INSTANCE_STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
Value = TypeVar("Value")


class Past(Generic[Value]):
    """A value and what it was before, for stale reads."""

    def __init__(self, value: Value) -> None:
        self._versions: list[tuple[float, Value]] = [(float("-inf"), value)]

    def set(self, value: Value) -> None:
        self._versions.append((now(), value))
        while len(self._versions) > 1 and self._versions[1][0] < now() - HISTORY_S:
            self._versions.pop(0)

    def get(self, stale: float = 0.0) -> Value:
        if not stale:
            return self._versions[-1][1]
        limit = now() - stale
        return next(value for since, value in reversed(self._versions) if since <= limit or since == float("-inf"))

    def forget(self) -> None:
        """The present has always been so: the lab's own hand leaves no stale reads behind."""
        self._versions = [(float("-inf"), self._versions[-1][1])]


@dataclass(frozen=True)
class Route:
    destination: str
    eni: str | None = None
    gateway: str | None = None  # local, igw-..., nat-...
    origin: str = "CreateRoute"


Routes = dict[str, Route]


@dataclass(frozen=True)
class ParameterVersion:
    version: int
    value: str
    type: str
    modified: float
    user: str
    tier: str = "Standard"
    description: str | None = None
    pattern: str | None = None
    labels: tuple[str, ...] = ()


@dataclass
class State:
    writer: RouteWriter
    lock: threading.RLock = field(default_factory=threading.RLock)
    tables: dict[str, Past[Routes]] = field(default_factory=dict)
    checks: dict[str, Past[bool]] = field(default_factory=dict)  # source/dest check by ENI
    parameters: dict[str, Past[tuple[ParameterVersion, ...]]] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)  # state by host
    deleted: set[str] = field(default_factory=set)  # route tables that an operator has deleted
    groups: dict[str, dict] = field(default_factory=groups.defaults)

    def __post_init__(self) -> None:
        self.numbers = {table.id: table.number for table in ROUTE_TABLES}
        for table in ROUTE_TABLES:
            self.tables[table.id] = Past({
                VPC_CIDR: Route(VPC_CIDR, gateway="local", origin="CreateRouteTable"),
                "0.0.0.0/0": Route("0.0.0.0/0", gateway=table.gateway)})
        for host in HOSTS:
            self.checks[host.eni] = Past(host.source_dest_check)
        self.heal()

    def heal(self) -> None:
        """Instances run, no table is deleted, security groups are as they were."""
        with self.lock:
            self.instances = {host.name: "running" for host in HOSTS}
            self.deleted.clear()
            self.groups = groups.defaults()

    def write_route(self, table: str, route: Route) -> int:
        """Carries it out, in the kernel first; returns when the kernel had it."""
        with self.lock:
            number = self.numbers[table]
            if route.eni:
                host = BY_ENI[route.eni]
                self.writer.replace(number, route.destination, host.address, host.name)
            else:
                self.writer.replace(number, route.destination, SERVICES["ec2"], AWS)
            stamp = now_ns()
            self.tables[table].set({**self.tables[table].get(), route.destination: route})
            return stamp

    def delete_route(self, table: str, destination: str) -> int:
        with self.lock:
            self.writer.delete(self.numbers[table], destination)
            stamp = now_ns()
            left = dict(self.tables[table].get())
            del left[destination]
            self.tables[table].set(left)
            return stamp

    def set_route(self, table: str, destination: str, host: str | None) -> None:
        """An operator's hand: no rights, no log of a call, whatever is there now."""
        with self.lock:
            if host:
                self.write_route(table, Route(destination, eni=BY_NAME[host].eni))
            elif destination in self.tables[table].get():
                self.delete_route(table, destination)
            self.tables[table].forget()

    def versions(self, name: str, stale: float = 0.0) -> tuple[ParameterVersion, ...]:
        past = self.parameters.get(name)
        return past.get(stale) if past else ()

    def put_parameter(self, name: str, **fields) -> ParameterVersion:
        """Adds a version; the oldest leaves when there are a hundred."""
        with self.lock:
            past = self.parameters.setdefault(name, Past(()))
            before = past.get()
            number = before[-1].version + 1 if before else 1
            version = ParameterVersion(version=number, modified=round(time.time(), 3), **fields)
            past.set((*before[-99:], version))
            return version

    def label_parameter(self, name: str, version: int, labels: list[str]) -> None:
        with self.lock:
            past = self.parameters[name]
            past.set(tuple(
                replace(entry, labels=tuple(sorted({*entry.labels, *labels}))) if entry.version == version
                else replace(entry, labels=tuple(set(entry.labels) - set(labels)))
                for entry in past.get()))

    def delete_parameter(self, name: str) -> None:
        with self.lock:
            if name in self.parameters:
                self.parameters[name].set(())

    def set_parameter(self, name: str, value: str | None, type: str = "String", label: str | None = None) -> None:
        with self.lock:
            if value is None:
                self.delete_parameter(name)
            else:
                self.put_parameter(name, value=value, type=type, user="operator",
                                   labels=(label,) if label else ())
            if name in self.parameters:
                self.parameters[name].forget()

    def summary(self) -> dict:
        """For `lab status`: what an operator would see in the console."""
        with self.lock:
            return {
                "tables": {table: {destination: target_name(route) for destination, route in past.get().items()}
                           for table, past in self.tables.items()},
                "parameters": {name: {"value": past.get()[-1].value, "version": past.get()[-1].version}
                               for name, past in self.parameters.items() if past.get()},
                "source_dest_check": {BY_ENI[eni].name: past.get() for eni, past in self.checks.items()}}


def target_name(route: Route) -> str:
    return BY_ENI[route.eni].name if route.eni else str(route.gateway)


def canonical_cidr(text: str) -> str | None:
    """The network of an IPv4 CIDR, host bits cleared, or None."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return str(network) if network.version == 4 and "/" in text else None


def associations(table: str) -> list[str]:
    """Ids of the subnets associated with a table."""
    return sorted({subnet.id for subnet in SUBNET_OF.values() if subnet.table == table})


