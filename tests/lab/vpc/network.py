# SPDX-License-Identifier: MIT
"""The VPC's network: a router with one leg per network interface, and its packet filter.

As in AWS, hosts talk to the router and never to each other. Packets that come in on a leg look
first into the table of the VPC's own hosts, then into the kernel table of the route table with
which the leg's subnet is associated, and then they are dropped without a word. Nothing here uses
the main table.
"""

import subprocess

from .errors import LabError
from .kernel import netns_path
from .layout import BY_NAME, HOSTS, ROUTE_TABLES, SERVICES, SUBNET_OF, TABLE_OF, VPC_CIDR

ROUTER = "router"
AWS = "aws"
LOCAL_TABLE = 1000
SERVICE_NET = "203.0.113.0/24"
SERVICE_GATEWAY = "203.0.113.1"


def run(argv: list[str], text: str = "") -> str:
    """One short tool; its complaint becomes ours."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def ip_batch(netns: str, lines: list[str]) -> None:
    run(["ip", "-n", netns, "-batch", "-"], "\n".join(lines) + "\n")


def build() -> None:
    """Namespaces exist and are empty; afterwards packets flow."""
    ip_batch(ROUTER, _links() + _addresses() + _rules() + _routes())
    for host in HOSTS:
        gateway = SUBNET_OF[host.name].gateway
        _host_side(host.name, [f"{host.address}/24"], gateway, host.mac)
    _host_side(AWS, [f"{address}/24" for address in SERVICES.values()], SERVICE_GATEWAY, None)


def _links() -> list[str]:
    names = [host.name for host in HOSTS] + [AWS]
    # Another index than the peer's: else the kernel reports the link up only a second later.
    made = [f"link add {name} index {100 + number} type veth peer name eth0 netns {name}"
            for number, name in enumerate(names)]
    return made + ["link set lo up"] + [f"link set {name} up" for name in names]


def _addresses() -> list[str]:
    legs = [f"addr add {SUBNET_OF[host.name].gateway}/32 dev {host.name}" for host in HOSTS]
    return legs + [f"addr add {SERVICE_GATEWAY}/24 dev {AWS}"]


def _rules() -> list[str]:
    lines = []
    numbers = {table.id: table.number for table in ROUTE_TABLES}
    for leg in [host.name for host in HOSTS] + [AWS]:
        lines.append(f"rule add iif {leg} lookup {LOCAL_TABLE} priority 100")
        if leg in TABLE_OF:
            lines.append(f"rule add iif {leg} lookup {numbers[TABLE_OF[leg]]} priority 200")
        lines.append(f"rule add iif {leg} priority 300 blackhole")
    return lines


def _routes() -> list[str]:
    lines = []
    for host in HOSTS:
        gateway = SUBNET_OF[host.name].gateway
        for table in ("main", LOCAL_TABLE):
            lines.append(f"route add {host.address}/32 dev {host.name} scope link src {gateway} table {table}")
    lines.append(f"route add blackhole {VPC_CIDR} table {LOCAL_TABLE}")
    # What no route names leaves the VPC, and there nobody answers: as on AWS, silence.
    for table in ROUTE_TABLES:
        lines.append(f"route add default via {SERVICES['ec2']} dev {AWS} table {table.number}")
    return lines


def _host_side(netns: str, addresses: list[str], gateway: str, mac: str | None) -> None:
    lines = ["link set lo up"]
    if mac:
        lines += [f"link set eth0 address {mac}", "addr add 169.254.169.254/32 dev lo"]
    lines += [f"addr add {address} dev eth0" for address in addresses]
    ip_batch(netns, lines + ["link set eth0 up", f"route add default via {gateway}"])


class Filter:
    """The router's nftables rules: the source/destination check, and every network fault.

    The faults are one chain, written anew as a whole at each change, so that it can never hold
    more or less than the list it is made from.
    """

    def __init__(self) -> None:
        self._faults: dict[str, list[str]] = {}
        self._cuts: dict[str, tuple[str, str | None, bool]] = {}
        self.checked = {host.name for host in HOSTS if host.source_dest_check}
        enis = ", ".join(f'"{host.name}" . {host.address}' for host in HOSTS)
        self._nft(f"""
            table inet vpc {{
                set checked {{ type ifname; {self._elements(self.checked)} }}
                set eni {{ type ifname . ipv4_addr; elements = {{ {enis} }} }}
                chain faults {{ }}
                chain forward {{
                    type filter hook forward priority 0; policy accept;
                    jump faults
                    iifname @checked iifname . ip saddr != @eni counter drop
                    oifname @checked oifname . ip daddr != @eni counter drop
                }}
            }}
        """)

    @staticmethod
    def _elements(names: set[str]) -> str:
        return f"elements = {{ {', '.join(sorted(names))} }}" if names else ""

    @staticmethod
    def _nft(script: str) -> None:
        run(["nsenter", "--net=" + netns_path(ROUTER), "nft", "-f", "-"], script)

    def sdcheck(self, host: str, on: bool) -> None:
        if host not in BY_NAME:
            raise LabError(f"no host '{host}'")
        (self.checked.add if on else self.checked.discard)(host)
        fill = f"add element inet vpc checked {{ {', '.join(sorted(self.checked))} }}" if self.checked else ""
        self._nft(f"flush set inet vpc checked\n{fill}")

    def cut(self, a: str, b: str | None, oneway: bool) -> None:
        name = f"cut {a}" + (f" {'to' if oneway else 'and'} {b}" if b else "")
        for leg in (a, b):
            if leg and leg not in BY_NAME and leg != AWS:
                raise LabError(f"no host '{leg}' (hosts: {', '.join(BY_NAME)}, {AWS})")
        if not b:
            rules = [f'iifname "{a}" drop'] if oneway else [f'iifname "{a}" drop', f'oifname "{a}" drop']
        else:
            rules = self._between(a, b, oneway, "drop")
        self._set(name, rules)
        self._cuts[name] = (a, b, oneway)

    def severed(self, hosts: tuple[str, ...]) -> list[tuple[str, str]]:
        """(from, to) of every pair of hosts between which a cut lets nothing pass."""
        found = []
        for source in hosts:
            for target in hosts:
                ways = [(a, b) == (source, target) or (not oneway and (b, a) == (source, target))
                        or (b is None and (a == source or (a == target and not oneway)))
                        for a, b, oneway in self._cuts.values()]
                if source != target and any(ways):
                    found.append((source, target))
        return found

    def divert(self, hosts: tuple[str, ...], port: int, on: bool) -> None:
        """What a relay carries must not go the straight way as well."""
        rules = [f'iifname "{a}" oifname "{b}" udp dport {port} drop' for a in hosts for b in hosts if a != b]
        self._set("relay", rules if on else [])

    def loss(self, percent: float, a: str, b: str, oneway: bool, port: int | None) -> None:
        if not 0 <= percent <= 100:
            raise LabError("loss is 0 to 100 percent")
        for leg in (a, b):
            if leg not in BY_NAME and leg != AWS:
                raise LabError(f"no host '{leg}'")
        match = f"udp dport {int(port)} " if port else ""
        chance = "" if percent == 100 else f"numgen random mod 10000 < {round(percent * 100)} "
        verdict = f"{match}{chance}counter drop"
        name = f"loss {a} {'to' if oneway else 'and'} {b}" + (f" port {port}" if port else "")
        self._set(name, self._between(a, b, oneway, verdict) if percent else [])

    @staticmethod
    def _between(a: str, b: str, oneway: bool, verdict: str) -> list[str]:
        rules = [f'iifname "{a}" oifname "{b}" {verdict}']
        return rules if oneway else rules + [f'iifname "{b}" oifname "{a}" {verdict}']

    def _set(self, name: str, rules: list[str]) -> None:
        faults = {kept: old for kept, old in self._faults.items() if kept != name}
        self._write(faults | ({name: rules} if rules else {}))

    def heal(self) -> None:
        self._cuts = {}
        self._write({})

    def _write(self, faults: dict[str, list[str]]) -> None:
        rules = [f"add rule inet vpc faults {rule}" for rules in faults.values() for rule in rules]
        self._nft("flush chain inet vpc faults\n" + "\n".join(rules))
        self._faults = faults

    def faults(self) -> list[str]:
        return list(self._faults)

