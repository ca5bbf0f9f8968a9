# SPDX-License-Identifier: MIT
"""IMDSv2 of one instance: a token first, then the paths that an agent needs. No IMDSv1."""

import json
import re
import secrets
import threading
import time

from ..clock import now, now_ns
from ..errors import LabError
from ..layout import (ACCOUNT, INSTANCE_ROLE, REGION, SUBNET_OF, VPC_CIDR, VPC_ID, HostSpec)
from .http import Request, Response
from .iam import CredentialStore
from .sigv4 import utc_now

MODES = ("ok", "off", "hang", "slow", "401", "404", "503", "norole", "expired", "badsecret",
         "flood")
SLOW_S = 2.0
TOKEN_TTL_MAX = 21600
ISO = "%Y-%m-%dT%H:%M:%SZ"


def _text(status: int, body: str) -> Response:
    return Response(status, [("Content-Type", "text/plain"), ("Server", "EC2ws")], body.encode())


def _refuse(status: int) -> Response:
    titles = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
              503: "Service Unavailable"}
    page = (f'<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>{status} - {titles[status]}</title>'
            f"</head><body><h1>{status} - {titles[status]}</h1></body></html>\n")
    return Response(status, [("Content-Type", "text/html"), ("Server", "EC2ws")], page.encode())


class Imds:
    def __init__(self, host: HostSpec, store: CredentialStore) -> None:
        self._host = host
        self._store = store
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()
        self.mode = "ok"
        self.calls: list[tuple[int, str, str]] = []  # when, method, path
        self._notices: dict[str, str] = {}

    def announce(self, path: str, text: str | None) -> None:
        """A path that the agent watches answers with this text; None: with 404 again."""
        self._notices.pop(path, None)
        if text is not None:
            self._notices[path] = text

    def clear_notices(self) -> None:
        self._notices.clear()

    def set_mode(self, mode: str) -> None:
        if mode not in MODES:
            raise LabError(f"no IMDS mode '{mode}' (modes: {', '.join(MODES)})")
        self.mode = mode

    def handle(self, request: Request) -> Response:
        mode = self.mode
        self.calls.append((now_ns(), request.method, request.target))
        if mode == "flood":
            return Response(200, flood=1 << 30)
        if mode == "hang":
            return Response(200, silent=True)
        if mode == "slow":
            time.sleep(SLOW_S)
        if mode in ("off", "401", "503"):
            return _refuse({"off": 403, "401": 401, "503": 503}[mode])
        if request.method == "PUT":
            return self._issue(request)
        if request.method != "GET":
            return _refuse(400)
        if not self._valid(request.header("x-aws-ec2-metadata-token")):
            return _refuse(401)
        return _refuse(404) if mode == "404" else self._get(request.target)

    def _issue(self, request: Request) -> Response:
        if request.target != "/latest/api/token" or request.header("x-forwarded-for"):
            return _refuse(403)
        ttl = request.header("x-aws-ec2-metadata-token-ttl-seconds") or ""
        if not re.fullmatch(r"[0-9]{1,5}", ttl) or not 1 <= int(ttl) <= TOKEN_TTL_MAX or request.body:
            return _refuse(400)
        token = "AQAEA" + secrets.token_urlsafe(37) + "=="
        with self._lock:
            self._tokens = {text: until for text, until in self._tokens.items() if until > now()}
            self._tokens[token] = now() + int(ttl)
        response = _text(200, token)
        response.headers.append(("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", ttl))
        return response

    def _valid(self, token: str | None) -> bool:
        with self._lock:
            return token is not None and self._tokens.get(token, 0.0) > now()

    def forget_tokens(self) -> None:
        """As after a stop and start of the instance: every token is met with 401."""
        with self._lock:
            self._tokens.clear()

    def _get(self, target: str) -> Response:
        match = re.fullmatch(r"/(latest|20\d\d-\d\d-\d\d)/(meta-data|dynamic)/?(.*)", target)
        if not match:
            return _refuse(404)
        tree = self._meta_data() if match.group(2) == "meta-data" else self._dynamic()
        path = match.group(3)
        if path in tree:
            return _text(200, tree[path])
        folder = path.rstrip("/") + "/" if path else ""
        inside = sorted({self._entry(name[len(folder):]) for name in tree if name.startswith(folder)})
        return _text(200, "\n".join(inside)) if inside else _refuse(404)

    @staticmethod
    def _entry(rest: str) -> str:
        head, slash, _ = rest.partition("/")
        return head + slash

    def _meta_data(self) -> dict[str, str]:
        host, subnet = self._host, SUBNET_OF[self._host.name]
        eni = f"network/interfaces/macs/{host.mac}/"
        tree = {
            "instance-id": host.instance_id, "ami-id": "ami-0a1b2c3d4e5f60001", "instance-type": "m6i.large",
            "instance-life-cycle": "on-demand", "local-ipv4": host.address, "mac": host.mac,
            "hostname": f"ip-{host.address.replace('.', '-')}.ec2.internal",
            "placement/region": REGION, "placement/availability-zone": subnet.zone,
            "placement/availability-zone-id": subnet.zone_id,
            "services/domain": "amazonaws.com", "services/partition": "aws",
            eni + "mac": host.mac, eni + "interface-id": host.eni, eni + "device-number": "0",
            eni + "subnet-id": subnet.id, eni + "vpc-id": VPC_ID, eni + "owner-id": ACCOUNT,
            eni + "local-ipv4s": host.address, eni + "subnet-ipv4-cidr-block": subnet.cidr,
            eni + "vpc-ipv4-cidr-block": VPC_CIDR, eni + "vpc-ipv4-cidr-blocks": VPC_CIDR,
            "events/maintenance/scheduled": "[]",
        }
        tree |= self._notices
        if self.mode != "norole":
            tree[f"iam/security-credentials/{INSTANCE_ROLE}"] = self._credentials()
        return tree

    def _credentials(self) -> str:
        moment = utc_now()
        current = self._store.of_instance(self._host.name, self._host.instance_id, moment)
        expiration = current.expiration
        if self.mode == "expired":
            expiration = moment.replace(year=moment.year - 1, day=1)
        secret = "x" * 40 if self.mode == "badsecret" else current.secret
        return json.dumps({
            "Code": "Success", "LastUpdated": current.issued.strftime(ISO), "Type": "AWS-HMAC",
            "AccessKeyId": current.access_key, "SecretAccessKey": secret, "Token": current.token,
            "Expiration": expiration.strftime(ISO)}, indent=2)

    def _dynamic(self) -> dict[str, str]:
        host, subnet = self._host, SUBNET_OF[self._host.name]
        document = {"accountId": ACCOUNT, "region": REGION, "availabilityZone": subnet.zone,
                    "instanceId": host.instance_id, "privateIp": host.address, "version": "2017-09-30",
                    "imageId": "ami-0a1b2c3d4e5f60001", "instanceType": "m6i.large", "architecture": "x86_64"}
        return {"instance-identity/document": json.dumps(document, indent=2)}


