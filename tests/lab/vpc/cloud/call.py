# SPDX-License-Identifier: MIT
"""One call on its way through the endpoint: who, what, and what is written down about it."""

from dataclasses import dataclass, field

from .errors import AwsError
from .iam import Credential, Rights


@dataclass
class Call:
    service: str
    action: str
    credential: Credential
    values: dict
    rights: Rights
    stale: float = 0.0  # reads show the state of so many seconds ago
    executed_ns: int | None = None
    params: dict = field(default_factory=dict)

    def require(self, resource: str) -> None:
        """The right to this action on this resource, or the service's refusal."""
        action = f"{self.service}:{self.action}"
        if self.rights.allows(self.credential, action, resource):
            return
        why = (f"User: {self.credential.arn} is not authorized to perform: {action} on resource: {resource} "
               f"because no identity-based policy allows the {action} action")
        if self.service == "ec2":
            raise AwsError("UnauthorizedOperation", f"You are not authorized to perform this operation. {why}. "
                           "Encoded authorization failure message: " + "x7Kd0-lab_" * 12, 403)
        if self.service == "ssm":
            raise AwsError("AccessDeniedException", why, 400)
        raise AwsError("AccessDenied", why, 403)
