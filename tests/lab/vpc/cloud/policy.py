# SPDX-License-Identifier: MIT
"""An IAM policy document, evaluated as AWS does: deny wins, else some statement must allow.

Knows what zonevip's policies use (Action, Resource, StringEquals, StringLike) and refuses the rest:
a policy that the lab does not understand must not pass for one that grants.
"""

import re

from ..errors import LabError
from ..layout import ACCOUNT, REGION, ROUTE_TABLES, VPC_ID

_KEYS = {"Sid", "Effect", "Action", "Resource", "Condition"}
# What AWS knows of these actions: they cannot be limited to a resource.
UNSCOPED = {"ec2:DescribeRouteTables", "ec2:DescribeNetworkInterfaces", "ec2:DescribeInstances",
            "ec2:DescribeInstanceStatus", "ec2:DescribeSecurityGroups"}


def check(document: dict) -> None:
    if document.get("Version") != "2012-10-17" or set(document) - {"Version", "Statement"}:
        raise LabError("not a policy document of version 2012-10-17")
    for statement in document["Statement"]:
        if set(statement) - _KEYS or statement.get("Effect") not in ("Allow", "Deny"):
            raise LabError(f"statement not understood: {statement}")
        for operator in statement.get("Condition", {}):
            if operator not in ("StringEquals", "StringLike"):
                raise LabError(f"condition operator {operator} not understood")
        for action in _list(statement["Action"]):
            if action in UNSCOPED and "*" not in _list(statement["Resource"]):
                raise LabError(f"{action} knows no resource but *: this statement grants nothing")
        for resource in _list(statement["Resource"]):
            if resource != "*" and not re.fullmatch(r"arn:aws[a-z-]*:[a-z0-9]+:[^:]*:[^:]*:.+", resource):
                raise LabError(f"'{resource}' is no ARN")


def allows(document: dict, action: str, resource: str) -> bool:
    verdict = False
    for statement in document["Statement"]:
        if any(_matches(pattern, action, fold=True) for pattern in _list(statement["Action"])) \
                and any(_matches(pattern, resource) for pattern in _list(statement["Resource"])) \
                and _holds(statement.get("Condition", {}), resource):
            if statement["Effect"] == "Deny":
                return False
            verdict = True
    return verdict


def _context(resource: str) -> dict[str, str]:
    context = {"aws:RequestedRegion": REGION}
    for table in ROUTE_TABLES:
        if resource.endswith(f":route-table/{table.id}"):
            context["aws:ResourceTag/Name"] = table.name
            context["ec2:Vpc"] = f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/{VPC_ID}"
    return context


def _holds(condition: dict, resource: str) -> bool:
    context = _context(resource)
    for operator, tests in condition.items():
        for key, wanted in tests.items():
            value = context.get(key)
            if value is None:
                return False
            if not any(value == one if operator == "StringEquals" else _matches(one, value)
                       for one in _list(wanted)):
                return False
    return True


def _matches(pattern: str, text: str, fold: bool = False) -> bool:
    """IAM's wildcards: * and ?, nothing else."""
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.IGNORECASE if fold else 0) is not None


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
