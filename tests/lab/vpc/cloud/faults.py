# SPDX-License-Identifier: MIT
"""Rules by which calls go wrong. A rule picks calls and says what happens to them."""

import itertools
import threading
from dataclasses import dataclass, field

from ..clock import now
from ..errors import LabError
from ..layout import BY_NAME
from .effects import EFFECTS

THROTTLED = {"ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
             "ssm": ("ThrottlingException", "Rate exceeded", 400),
             "sts": ("Throttling", "Rate exceeded", 400)}


@dataclass
class Rule:
    number: int
    action: str
    host: str | None
    resource: str | None
    left: int | None  # how many more calls it takes; None: no end
    effects: dict
    tokens: float = 0.0
    refilled: float = field(default_factory=now)

    def picks(self, service: str, action: str, host: str | None, resource: str | None) -> bool:
        return (self.action in ("*", service, action) and self.host in (None, host)
                and self.resource in (None, resource) and self.left != 0)

    def passes(self, rate: float) -> bool:
        """A bucket of one second's calls, as AWS throttles."""
        moment = now()
        self.tokens = min(max(rate, 1.0), self.tokens + (moment - self.refilled) * rate)
        self.refilled = moment
        if rate > 0 and self.tokens >= 1:
            self.tokens -= 1
            return True
        return False

    def view(self) -> dict:
        return {"rule": self.number, "action": self.action, "host": self.host, "resource": self.resource,
                "times": self.left, **self.effects}


@dataclass
class Effects:
    """Everything that the matching rules do to one call."""

    rules: list[int] = field(default_factory=list)
    latency: float = 0.0
    late: float = 0.0
    drop: bool = False
    hang: bool = False
    reset: bool = False
    status: int | None = None
    code: str | None = None
    message: str | None = None
    html: bool = False
    truncate: int | None = None
    drip: float | None = None
    stale: float = 0.0
    date: float = 0.0
    clock: float = 0.0
    body: str | None = None


class Faults:
    def __init__(self) -> None:
        self._rules: dict[int, Rule] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, action: str, host: str | None, resource: str | None, times: int | None, effects: dict) -> int:
        if host is not None and host not in BY_NAME:
            raise LabError(f"no host '{host}'")
        if not effects:
            raise LabError(f"a fault needs an effect: {', '.join(EFFECTS)}")
        typed = {}
        for name, value in effects.items():
            if name not in EFFECTS:
                raise LabError(f"no effect '{name}' (effects: {', '.join(EFFECTS)})")
            typed[name] = EFFECTS[name](value)
        with self._lock:
            rule = Rule(next(self._numbers), action, host, resource, times, typed)
            rule.tokens = typed.get("throttle", 0.0)
            self._rules[rule.number] = rule
            return rule.number

    def remove(self, number: int) -> None:
        with self._lock:
            if self._rules.pop(number, None) is None:
                raise LabError(f"no fault {number}")

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def list(self) -> list[dict]:
        with self._lock:
            return [rule.view() for rule in self._rules.values() if rule.left != 0]

    def clock_of(self, host: str | None) -> float:
        """By how many seconds AWS's clock is ahead for this host: asked before the call is even read."""
        with self._lock:
            return sum(rule.effects.get("clock", 0.0) for rule in self._rules.values()
                       if rule.host in (None, host) and rule.left != 0)

    def of(self, service: str, action: str, host: str | None, resource: str | None) -> Effects:
        """What happens to this call; counts it."""
        sum_of = Effects()
        with self._lock:
            for rule in self._rules.values():
                if not rule.picks(service, action, host, resource):
                    continue
                effects = dict(rule.effects)
                rate = effects.pop("throttle", None)
                if rate is not None:
                    if rule.passes(rate):
                        continue
                    sum_of.code, sum_of.message, sum_of.status = THROTTLED.get(service, THROTTLED["ec2"])
                if rule.left:
                    rule.left -= 1
                sum_of.rules.append(rule.number)
                for name, value in effects.items():
                    setattr(sum_of, name, value)
        return sum_of
