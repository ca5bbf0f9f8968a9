# SPDX-License-Identifier: MIT
"""Who may do what: credentials, roles with allow lists, and rights taken away for a test."""

import datetime
import fnmatch
import secrets
import string
import threading
from dataclasses import dataclass, field

from . import policy
from ..layout import ACCOUNT, CLUSTER, INSTANCE_ROLE, OPERATOR, PARAMETER, REGION, TABLES

CREDENTIAL_LIFE_S = 6 * 3600
ROTATE_BEFORE_S = 6 * 60  # AWS: new ones are there at least five minutes before the old expire
ROUTES_ROLE = "zonevip-routes"

_READ_NETWORK = ("ec2:DescribeRouteTables", "ec2:DescribeNetworkInterfaces", "ec2:DescribeInstances",
                 "ec2:DescribeInstanceStatus", "ec2:DescribeSecurityGroups")
_MOVE_VIP = ("ec2:ReplaceRoute", "ec2:CreateRoute")
_RECORD = ("ssm:GetParameter", "ssm:PutParameter", "ssm:GetParameterHistory")
_TABLES = tuple(f"arn:aws:ec2:{REGION}:{ACCOUNT}:route-table/{table}" for table in TABLES)
_PARAMETERS = tuple(f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{name}"
                    for name in (PARAMETER, f"{CLUSTER}.touch.*"))
_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/"

# Role: (actions, resources) that it may. The policy of the manual, and nothing beside it.
POLICIES = {
    INSTANCE_ROLE: [(_READ_NETWORK, ("*",)), (_MOVE_VIP, _TABLES), (_RECORD, _PARAMETERS),
                    (("sts:AssumeRole",), (_ROLE_ARN + ROUTES_ROLE,))],
    ROUTES_ROLE: [(("ec2:DescribeRouteTables",), ("*",)), (_MOVE_VIP, _TABLES)],
    OPERATOR: [(("*",), ("*",))],
}
NEEDS_NO_RIGHT = ("sts:GetCallerIdentity",)


def route_table_arn(table: str) -> str:
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:route-table/{table}"


def parameter_arn(name: str) -> str:
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{name.lstrip('/')}"


def eni_arn(eni: str) -> str:
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/{eni}"


@dataclass
class Credential:
    access_key: str
    secret: str
    token: str | None
    role: str  # the name under which POLICIES lists its rights
    session: str  # instance id, session name, or user name
    host: str | None  # the host whose IMDS handed it out
    issued: datetime.datetime
    expiration: datetime.datetime | None
    revoked: bool = False

    def expired(self, now: datetime.datetime) -> bool:
        return self.revoked or (self.expiration is not None and now >= self.expiration)

    @property
    def arn(self) -> str:
        if self.token is None:
            return f"arn:aws:iam::{ACCOUNT}:user/{self.session}"
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role}/{self.session}"

    @property
    def user_id(self) -> str:
        return f"AROA{self.role.upper():X<17.17}:{self.session}" if self.token else "AIDAOPERATOROFTHELAB0"


def _text(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


_UPPER = string.ascii_uppercase + "234567"
_BASE64 = string.ascii_letters + string.digits + "/+"


@dataclass
class CredentialStore:
    _keys: dict[str, Credential] = field(default_factory=dict)
    _current: dict[str, Credential] = field(default_factory=dict)  # by host
    _lock: threading.Lock = field(default_factory=threading.Lock)
    life_s: dict[str, float] = field(default_factory=dict)

    def get(self, access_key: str) -> Credential | None:
        return self._keys.get(access_key)

    def issue(self, role: str, session: str, host: str | None, life_s: float | None,
              now: datetime.datetime) -> Credential:
        """Temporary credentials of a role, or a user's lasting ones (life_s None)."""
        expiration = None
        if life_s is not None:
            expiration = (now + datetime.timedelta(seconds=life_s)).replace(microsecond=0)
        credential = Credential(
            access_key=("ASIA" if life_s is not None else "AKIA") + _text(_UPPER, 16),
            secret=_text(_BASE64, 40), token=_text(_BASE64, 860) + "==" if life_s is not None else None,
            role=role, session=session, host=host, issued=now, expiration=expiration)
        self._keys[credential.access_key] = credential
        return credential

    def of_instance(self, host: str, instance_id: str, now: datetime.datetime, fresh: bool = False) -> Credential:
        """What IMDS hands out on that host at this moment."""
        with self._lock:
            current = self._current.get(host)
            life = self.life_s.get(host, CREDENTIAL_LIFE_S)
            margin = datetime.timedelta(seconds=min(ROTATE_BEFORE_S, life / 4))
            if fresh or not current or now >= current.expiration - margin:
                current = self.issue(INSTANCE_ROLE, instance_id, host, life, now)
                self._current[host] = current
            return current

    def revoke(self, host: str) -> None:
        """What was handed out so far is refused from now on as expired."""
        for credential in list(self._keys.values()):
            if credential.host == host:
                credential.revoked = True


class Rights:
    """Allow lists of the roles, less what a test has denied."""

    def __init__(self) -> None:
        self._denied: set[tuple[str, str | None]] = set()
        self._documents: dict[str, dict] = {}

    def set_policy(self, role: str, document: dict | None) -> None:
        """The role may what this document allows and nothing else; None: as it was."""
        if document is None:
            self._documents.pop(role, None)
        else:
            policy.check(document)
            self._documents[role] = document

    def deny(self, action: str, host: str | None) -> None:
        self._denied.add((action, host))

    def allow(self, action: str, host: str | None) -> None:
        self._denied.discard((action, host))

    def clear(self) -> None:
        self._denied.clear()
        self._documents.clear()

    def denied(self) -> list[str]:
        return [f"policy of {role}" for role in self._documents] + [
            f"deny {action}" + (f" for {host}" if host else "") for action, host in sorted(self._denied, key=str)]

    def allows(self, credential: Credential, action: str, resource: str) -> bool:
        if action in NEEDS_NO_RIGHT:
            return True
        for pattern, host in self._denied:
            if fnmatch.fnmatchcase(action, pattern) and credential.role != OPERATOR \
                    and host in (None, credential.host):
                return False
        if credential.role in self._documents:
            return policy.allows(self._documents[credential.role], action, resource)
        return any(
            any(fnmatch.fnmatchcase(action, pattern) for pattern in actions)
            and any(fnmatch.fnmatchcase(resource, pattern) for pattern in resources)
            for actions, resources in POLICIES[credential.role])

