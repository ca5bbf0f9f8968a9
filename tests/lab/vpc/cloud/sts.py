# SPDX-License-Identifier: MIT
"""STS: who am I, and the credentials of another role."""

import re
from typing import Callable

from ..layout import ACCOUNT
from .call import Call
from .errors import AwsError
from .iam import POLICIES, CredentialStore
from .sigv4 import utc_now

CHAINED_MAX_S = 3600


class Sts:
    def __init__(self, store: CredentialStore) -> None:
        self._store = store

    def run(self, call: Call) -> dict:
        return OPERATIONS[call.action](self, call)

    def get_caller_identity(self, call: Call) -> dict:
        return {"UserId": call.credential.user_id, "Account": ACCOUNT, "Arn": call.credential.arn}

    def assume_role(self, call: Call) -> dict:
        arn, session = call.values["RoleArn"], call.values["RoleSessionName"]
        call.require(arn)
        match = re.fullmatch(rf"arn:aws:iam::{ACCOUNT}:role/([\w+=,.@-]+)", arn)
        if not match or match.group(1) not in POLICIES:
            raise AwsError("AccessDenied", f"User: {call.credential.arn} is not authorized to perform: "
                           f"sts:AssumeRole on resource: {arn}", 403)
        seconds = call.values.get("DurationSeconds", CHAINED_MAX_S)
        if seconds > CHAINED_MAX_S and call.credential.token:
            raise AwsError("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for "
                           "roles assumed by role chaining")
        fresh = self._store.issue(match.group(1), session, call.credential.host, seconds, utc_now())
        return {"AssumedRoleUser": {"AssumedRoleId": fresh.user_id, "Arn": fresh.arn},
                "Credentials": {"AccessKeyId": fresh.access_key, "SecretAccessKey": fresh.secret,
                                "SessionToken": fresh.token, "Expiration": fresh.expiration}}


OPERATIONS: dict[str, Callable[[Sts, Call], dict]] = {
    "GetCallerIdentity": Sts.get_caller_identity,
    "AssumeRole": Sts.assume_role,
}
