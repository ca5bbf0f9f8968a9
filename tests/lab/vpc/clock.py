# SPDX-License-Identifier: MIT
"""The lab's clock: CLOCK_BOOTTIME, the one the daemon uses, so that stamps can be compared."""

import time


def now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
