# SPDX-License-Identifier: MIT
"""The other side of shim.c: the same file, mapped here. Contract: kit/__init__.py."""

from __future__ import annotations

import errno as numbers
import mmap
import os
import struct
import subprocess

from vpc.errors import LabError

MAGIC = 0x315A564B
RULES, FRAMES, MODULES, FAILURES, SITES = 16, 24, 64, 4096, 65536
RULE = struct.Struct("<IIiI QQQQ 24s56s16s I12x")
FAILURE = struct.Struct(f"<Q20sI{FRAMES}Q")
HEAD = struct.Struct("<IIqqIIQQIIQQ")
RULES_AT = HEAD.size
MODULES_AT = RULES_AT + RULES * RULE.size
FAILURES_AT = MODULES_AT + MODULES * 128
SITES_AT = FAILURES_AT + FAILURES * FAILURE.size
SIZE = SITES_AT + SITES * 8
FAIL, STALL, SPIN, COUNT = 1, 2, 3, 4
ALLOC, KERNEL = 1, 2
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim.c")
COMPILE = ["-std=gnu11", "-O2", "-g", "-fPIC", "-shared"]


def build(target: str) -> str:
    """Never with the tree's own flags: a sanitizer has a malloc of its own."""
    subprocess.run([os.environ.get("SHIM_CC", "cc"), *COMPILE, "-o", target, SOURCE], check=True, timeout=120)
    return target


def create(path: str) -> None:
    with open(path, "wb") as stream:
        os.fchmod(stream.fileno(), 0o666)  # whoever the program runs as
        stream.write(HEAD.pack(MAGIC, *[0] * 11))
        stream.truncate(SIZE)


class Rule:
    """One line of the file; its counters live there."""

    def __init__(self, shim: Shim, index: int) -> None:
        self._shim = shim
        self._at = RULES_AT + index * RULE.size

    def _field(self, offset: int, size: int) -> int:
        return int.from_bytes(self._shim.map[self._at + offset:self._at + offset + size], "little")

    @property
    def waiting(self) -> int:
        return self._field(12, 4)

    @property
    def seen(self) -> int:
        return self._field(32, 8)

    @property
    def hits(self) -> int:
        return self._field(40, 8)

    @property
    def active(self) -> bool:
        return self._field(0, 4) != 0

    def release(self) -> None:
        self._shim.map[self._at:self._at + 4] = bytes(4)


class Shim:
    def __init__(self, path: str) -> None:
        with open(path, "r+b") as stream:
            self.map = mmap.mmap(stream.fileno(), SIZE)
        if int.from_bytes(self.map[0:4], "little") != MAGIC:
            raise LabError(f"{path} is not a shim's file")

    @property
    def pid(self) -> int:
        """Of the process that came in last, as its own pid namespace numbers it; 0: none yet."""
        return int.from_bytes(self.map[4:8], "little")

    def clock(self, realtime_s: float = 0, steady_s: float = 0) -> None:
        self.map[8:24] = struct.pack("<qq", int(realtime_s * 1e9), int(steady_s * 1e9))

    def fail(self, call: str, error: str, **filters: object) -> Rule:
        return self._rule(FAIL, call, getattr(numbers, error), **filters)

    def stall(self, call: str, **filters: object) -> Rule:
        return self._rule(STALL, call, 0, **filters)

    def spin(self, call: str, **filters: object) -> Rule:
        return self._rule(SPIN, call, 0, **filters)

    def count(self, call: str, **filters: object) -> Rule:
        return self._rule(COUNT, call, 0, **filters)

    def _rule(self, action: int, call: str, error: int, what: str = "", thread: str = "", own: bool = False,
              skip: int = 0, times: int | None = None) -> Rule:
        for index in range(RULES):
            rule = Rule(self, index)
            if not rule.active and not rule.waiting:
                break
        else:
            raise LabError(f"no more than {RULES} rules at a time")
        at = RULES_AT + index * RULE.size
        packed = RULE.pack(0, action, error, 0, skip, times or 0, 0, 0, call.encode(), what.encode(),
                           thread.encode(), own)
        self.map[at + 4:at + RULE.size] = packed[4:]
        self.map[at:at + 4] = struct.pack("<I", 1)  # last: now it counts
        return rule

    def clear(self) -> None:
        for index in range(RULES):
            Rule(self, index).release()
        self.clock()
        self.sites(0)

    # --- every place fails once (scripts/torture) ---

    def sites(self, families: int, gap: int = 1) -> None:
        """Each place that allocates (ALLOC) or enters the kernel (KERNEL) fails once, after a gap of calls."""
        self.map[24:32] = struct.pack("<II", 0, gap)
        self.map[24:28] = struct.pack("<I", families)

    def start_at(self, call: int) -> None:
        """Let so many calls of those families pass from now on before the first may fail."""
        self.map[32:48] = struct.pack("<QQ", 0, call)

    @property
    def calls(self) -> int:
        return int.from_bytes(self.map[32:40], "little")

    def failures(self, since: int = 0) -> list[tuple[str, list[str]]]:
        """(call, [module+0xoffset, ...]) of every place that has failed, in order."""
        found = []
        for index in range(since, min(self.failure_count, FAILURES)):
            at = FAILURES_AT + index * FAILURE.size
            _, call, depth, *frames = FAILURE.unpack(self.map[at:at + FAILURE.size])
            found.append((_text(call), [self._frame(frame) for frame in frames[:depth]]))
        return found

    @property
    def failure_count(self) -> int:
        return int.from_bytes(self.map[48:52], "little")

    @property
    def crash(self) -> list[str]:
        """Where the last process that died of a signal did, and what that would have returned to."""
        return [self._frame(frame) for frame in struct.unpack("<QQ", self.map[56:72]) if frame]

    def forget_crash(self) -> None:
        self.map[56:72] = bytes(16)

    def _frame(self, frame: int) -> str:
        at = MODULES_AT + (frame >> 48) * 128
        return f"{_text(self.map[at:at + 128]) or '?'}+{frame & (1 << 48) - 1:#x}"


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode(errors="replace")
