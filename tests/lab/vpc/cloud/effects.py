# SPDX-License-Identifier: MIT
"""What can happen to a call; a page of its own because scripts/lab needs it without botocore."""

# Effect: the type of its value.
EFFECTS = {"latency": float, "late": float, "drop": bool, "hang": bool, "reset": bool, "status": int, "code": str,
           "message": str, "html": bool, "throttle": float, "truncate": int, "drip": float, "stale": float,
           "date": float, "clock": float, "body": str}
