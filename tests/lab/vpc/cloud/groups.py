# SPDX-License-Identifier: MIT
"""Security groups as DescribeSecurityGroups shows them. The lab's network does not enforce them."""

from ..layout import ACCOUNT, BY_NAME, HEARTBEAT_PORT, HostSpec, VPC_CIDR, VPC_ID

DATABASE, WEB = "sg-0a1b2c3d4e5f60001", "sg-0a1b2c3d4e5f60002"
NAMES = {DATABASE: "db", WEB: "web"}
ANYWHERE = {"protocol": "-1", "cidrs": ["0.0.0.0/0"]}


def group_of(host: HostSpec) -> str:
    return DATABASE if BY_NAME[host.name].database else WEB


def defaults() -> dict[str, dict]:
    """By group id: rules in and out, each {protocol, port?, cidrs?, groups?}."""
    return {
        DATABASE: {"in": [{"protocol": "tcp", "port": 3306, "cidrs": [VPC_CIDR]},
                          {"protocol": "udp", "port": HEARTBEAT_PORT, "groups": [DATABASE]}], "out": [ANYWHERE]},
        WEB: {"in": [{"protocol": "tcp", "port": 80, "cidrs": ["0.0.0.0/0"]}], "out": [ANYWHERE]},
    }


def view(group: str, rules: dict) -> dict:
    return {"GroupId": group, "GroupName": NAMES[group], "Description": NAMES[group], "OwnerId": ACCOUNT,
            "VpcId": VPC_ID, "Tags": [], "IpPermissions": [_rule(rule) for rule in rules["in"]],
            "IpPermissionsEgress": [_rule(rule) for rule in rules["out"]]}


def _rule(rule: dict) -> dict:
    ports = {"FromPort": rule["port"], "ToPort": rule["port"]} if "port" in rule else {}
    return {"IpProtocol": rule["protocol"], **ports, "IpRanges": [{"CidrIp": cidr} for cidr in rule.get("cidrs", [])],
            "Ipv6Ranges": [], "PrefixListIds": [],
            "UserIdGroupPairs": [{"GroupId": group, "UserId": ACCOUNT} for group in rule.get("groups", [])]}
