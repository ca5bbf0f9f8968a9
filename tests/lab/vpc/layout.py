# SPDX-License-Identifier: MIT
"""What the VPC consists of: names, addresses and AWS ids, the same in every lab.

Everything else reads this page and nothing is written twice. The ids are constants so that a
configuration file written by hand fits every lab.
"""

import os
from dataclasses import dataclass

ACCOUNT = "123456789012"
REGION = "us-east-1"
VPC_ID = "vpc-0a1b2c3d4e5f60718"
VPC_CIDR = "10.0.0.0/16"

VIP = "10.1.5.5"
PARAMETER = "MasterDB_VIP"
INSTANCE = "MasterDB"
CLUSTER = "orders-db"
HEARTBEAT_PORT = 7112
IMDS_ADDRESS = "169.254.169.254"

INSTANCE_ROLE = "zonevip"
OPERATOR = "operator"

# Service name: address outside the VPC, reached through the default route as a real one would be.
SERVICES = {"ec2": "203.0.113.10", "ssm": "203.0.113.11", "sts": "203.0.113.12"}


@dataclass(frozen=True)
class Table:
    """One VPC route table and the kernel table in the router that carries it."""

    id: str
    name: str
    number: int
    main: bool
    gateway: str


@dataclass(frozen=True)
class Subnet:
    id: str
    name: str
    cidr: str
    gateway: str
    zone: str
    zone_id: str
    table: str


@dataclass(frozen=True)
class HostSpec:
    """One instance with its one network interface. The router's leg carries the host's name."""

    name: str
    address: str
    subnet: str
    instance_id: str
    eni: str
    attachment: str
    mac: str
    database: bool
    priority: int = 0

    @property
    def source_dest_check(self) -> bool:
        """As the scenario has it at the start: off on the database hosts, AWS's default elsewhere."""
        return not self.database


# More than two only where somebody measures many: tables of no subnet.
ROUTE_TABLES = (
    Table("rtb-0a1b2c3d4e5f60001", "public", 1001, True, "igw-0a1b2c3d4e5f60009"),
    Table("rtb-0a1b2c3d4e5f60002", "private", 1002, False, "nat-0a1b2c3d4e5f60009"),
    *(Table(f"rtb-0a1b2c3d4e5f7{number:04d}", f"extra{number}", 1100 + number, False, "nat-0a1b2c3d4e5f60009")
      for number in range(int(os.environ.get("ZONEVIP_LAB_TABLES", "2")) - 2)),
)
TABLES = tuple(table.id for table in ROUTE_TABLES)

SUBNETS = (
    Subnet("subnet-0a1b2c3d4e5f60301", "public1", "10.0.1.0/24", "10.0.1.1", "us-east-1a", "use1-az1", TABLES[0]),
    Subnet("subnet-0a1b2c3d4e5f60302", "private1", "10.0.2.0/24", "10.0.2.1", "us-east-1a", "use1-az1", TABLES[1]),
    Subnet("subnet-0a1b2c3d4e5f60303", "public2", "10.0.3.0/24", "10.0.3.1", "us-east-1b", "use1-az2", TABLES[0]),
    Subnet("subnet-0a1b2c3d4e5f60304", "private2", "10.0.4.0/24", "10.0.4.1", "us-east-1b", "use1-az2", TABLES[1]),
)

HOSTS = (
    HostSpec("web_host1", "10.0.1.10", "public1", "i-0a1b2c3d4e5f60101", "eni-0a1b2c3d4e5f60101",
             "eni-attach-0a1b2c3d4e5f60101", "02:00:0a:00:01:0a", False),
    HostSpec("web_host2", "10.0.3.10", "public2", "i-0a1b2c3d4e5f60102", "eni-0a1b2c3d4e5f60102",
             "eni-attach-0a1b2c3d4e5f60102", "02:00:0a:00:03:0a", False),
    HostSpec("DB_Host1", "10.0.2.10", "private1", "i-0a1b2c3d4e5f60201", "eni-0a1b2c3d4e5f60201",
             "eni-attach-0a1b2c3d4e5f60201", "02:00:0a:00:02:0a", True, 150),
    HostSpec("DB_Host2", "10.0.4.10", "private2", "i-0a1b2c3d4e5f60202", "eni-0a1b2c3d4e5f60202",
             "eni-attach-0a1b2c3d4e5f60202", "02:00:0a:00:04:0a", True, 100),
)

BY_NAME = {host.name: host for host in HOSTS}
BY_ADDRESS = {host.address: host for host in HOSTS}
BY_ENI = {host.eni: host for host in HOSTS}
BY_INSTANCE = {host.instance_id: host for host in HOSTS}
SUBNET_OF = {host.name: next(s for s in SUBNETS if s.name == host.subnet) for host in HOSTS}
TABLE_OF = {host.name: SUBNET_OF[host.name].table for host in HOSTS}

DB_HOSTS = tuple(host.name for host in HOSTS if host.database)
WEB_HOSTS = tuple(host.name for host in HOSTS if not host.database)

# The application's database, the same data on both hosts.
DATABASE = "mlb"
APP_USER = "webapp"
APP_PASSWORD = "play-ball-30"
REPL_USER = "repl"
REPL_PASSWORD = "lab-repl"
