# SPDX-License-Identifier: MIT
"""Is this request signed by whom it says? Judged by botocore's signer, as strictly as AWS.

Every refusal has a reason for the log; what the caller is told is the service's own wording.
"""

import datetime
import hashlib
import hmac
import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ..layout import REGION
from .http import Request
from .iam import Credential, CredentialStore

SKEW_MAX = datetime.timedelta(minutes=5)
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([A-Z0-9]{16,128})/(\d{8})/([a-z0-9-]+)/([a-z0-9]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})")


class Refusal(Exception):
    """kind: missing incomplete unknown mismatch skew expired; reason: for the log."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason


def verify(request: Request, service: str, store: CredentialStore, now: datetime.datetime) -> Credential:
    """The credential that signed the request, or raises Refusal."""
    authorization = request.header("authorization")
    if authorization is None:
        raise Refusal("missing", "no Authorization header")
    match = AUTHORIZATION.fullmatch(authorization)
    if not match:
        raise Refusal("incomplete", "Authorization header not of the form that AWS takes")
    key, date, region, signed_service, names, signature = match.groups()
    stamp = request.header("x-amz-date") or ""
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise Refusal("incomplete", "X-Amz-Date missing or malformed")
    _check_headers(request, names.split(";"))
    credential = _find(store, key, request.header("x-amz-security-token"))
    if (date, region, signed_service) != (stamp[:8], REGION, service):
        raise Refusal("mismatch", f"scope {date}/{region}/{signed_service} is not {stamp[:8]}/{REGION}/{service}")
    expected = _signature(request, names, stamp, region, service, credential)
    if not hmac.compare_digest(expected, signature):
        raise Refusal("mismatch", "signature does not match")
    when = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if abs(when - now) > SKEW_MAX:
        raise Refusal("skew", f"date {stamp} is more than {SKEW_MAX} from now")
    if credential.expired(now):
        raise Refusal("expired", f"credentials expired at {credential.expiration:%Y-%m-%dT%H:%M:%SZ}")
    return credential


def _check_headers(request: Request, names: list[str]) -> None:
    if names != sorted(set(names)):
        raise Refusal("mismatch", "SignedHeaders not sorted, or not unique")
    present = [name for name, _ in request.headers]
    for name in names:
        if name not in present:
            raise Refusal("mismatch", f"signed header {name} is not in the request")
        if present.count(name) > 1:
            raise Refusal("mismatch", f"signed header {name} comes twice")
    for name in present:
        if (name == "host" or name.startswith("x-amz-")) and name not in names:
            raise Refusal("mismatch", f"header {name} is not signed")


def _find(store: CredentialStore, key: str, token: str | None) -> Credential:
    credential = store.get(key)
    if not credential:
        raise Refusal("unknown", f"no access key {key}")
    if (credential.token or "") != (token or ""):
        raise Refusal("unknown", "security token is not the one issued with this access key")
    return credential


def _signature(request: Request, names: str, stamp: str, region: str, service: str,
               credential: Credential) -> str:
    check = AWSRequest(method=request.method, url=f"https://{request.header('host')}{request.target}",
                       data=request.body)
    for name in names.split(";"):
        check.headers[name] = request.header(name)
    check.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(credential.access_key, credential.secret), service, region)
    canonical = signer.canonical_request(check)
    lines = canonical.split("\n")
    if lines[-2] != names:
        raise Refusal("mismatch", f"SignedHeaders are {names}, the signer takes {lines[-2]}")
    if lines[-1] != hashlib.sha256(request.body).hexdigest():
        raise Refusal("mismatch", "the hash of the body is another")
    return signer.signature(signer.string_to_sign(check, canonical), check)


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
