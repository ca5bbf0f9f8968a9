# SPDX-License-Identifier: MIT
"""Which state each agent was in, and since when, read from its log.

The daemon logs every change as `(NAME) Entering NEW STATE from=OLD reason=...`; a log line carries
no time of its own (the journal stamps it), so the log is followed and each line stamped when it
appears, a few milliseconds late at most. Only the picture depends on these times; the judgement
depends on which changes there were.

transitions() and line_state() are pure and tested by test_states.py.
"""

import re
import threading
from typing import Callable, Dict, List, NamedTuple, Optional

STATE_LINE = re.compile(r"\((\S+)\) Entering (\w+) STATE from=(\w+)(.*)")


class Change(NamedTuple):
    at_ns: int
    old: str
    new: str
    why: str


def line_state(line: str, instance: str) -> Optional[tuple]:
    """(old, new, rest of the line) when @line tells of a change of @instance."""
    match = STATE_LINE.search(line)
    if not match or match.group(1) != instance:
        return None
    return match.group(3), match.group(2), match.group(4).strip()


class Follower:
    """The log of one agent, read again and again; the file only grows."""

    def __init__(self, read: Callable[[], str], instance: str):
        self._read = read
        self._instance = instance
        self._seen = 0
        self.changes: List[Change] = []

    def look(self, now_ns: int) -> None:
        text = self._read()
        end = text.rfind("\n") + 1
        for line in text[self._seen:end].splitlines():
            found = line_state(line, self._instance)
            if found:
                self.changes.append(Change(now_ns, *found))
        self._seen = max(self._seen, end)

    def since(self, at_ns: int) -> List[Change]:
        return [change for change in self.changes if change.at_ns >= at_ns]


class Watch(threading.Thread):
    """Follows the logs of several agents until stop()."""

    def __init__(self, readers: Dict[str, Callable[[], str]], instance: str, now_ns: Callable[[], int],
                 every_s: float = 0.01):
        super().__init__(name="state watch", daemon=True)
        self.followers = {host: Follower(read, instance) for host, read in readers.items()}
        self._now_ns = now_ns
        self._every_s = every_s
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.error: Optional[BaseException] = None

    def run(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self.look()
            except Exception as error:  # told by check(): a dead watch must not look like quiet agents
                self.error = error
                return

    def look(self) -> None:
        with self._lock:
            for follower in self.followers.values():
                follower.look(self._now_ns())

    def check(self) -> None:
        """Everything logged until now has been seen, or this raises."""
        if self.error:
            raise RuntimeError("the agents' logs cannot be followed") from self.error
        self.look()

    def stop(self) -> None:
        self._ended.set()
        if self.is_alive():
            self.join(timeout=5)


def transitions(changes: List[Change]) -> str:
    """'BACKUP -> CLAIMING -> MASTER', or 'no change'."""
    if not changes:
        return "no change"
    return " -> ".join([changes[0].old] + [change.new for change in changes])
