# SPDX-License-Identifier: MIT
"""One small event loop: descriptors, timers, children. Every process of the lab runs one."""

import heapq
import itertools
import os
import selectors
import signal
from typing import Callable

from .clock import now


class Timer:
    def __init__(self, at: float, fn: Callable[[], None]) -> None:
        self.at = at
        self.fn: Callable[[], None] | None = fn

    def cancel(self) -> None:
        self.fn = None


class Loop:
    """Single-threaded; a callback that raises ends the process, so that a bug is seen."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._stopped = False

    def watch(self, fd, fn: Callable[[], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, fn)

    def unwatch(self, fd) -> None:
        self._selector.unregister(fd)

    def after(self, seconds: float, fn: Callable[[], None]) -> Timer:
        timer = Timer(now() + seconds, fn)
        heapq.heappush(self._timers, (timer.at, next(self._order), timer))
        return timer

    def on_signal(self, signals: dict[int, Callable[[], None]]) -> None:
        """Signals become ordinary events: handlers run from the loop, never in between."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda *_: None)

        def drain() -> None:
            for number in set(os.read(reader, 512)):
                if number in signals:
                    signals[number]()

        self.watch(reader, drain)

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        while not self._stopped:
            self._fire()
            wait = None
            if self._timers:
                wait = max(0.0, self._timers[0][0] - now())
            for key, _ in self._selector.select(wait):
                if key.fileobj in self._selector.get_map():
                    key.data()

    def _fire(self) -> None:
        while self._timers and self._timers[0][0] <= now():
            fn = heapq.heappop(self._timers)[2].fn
            if fn:
                fn()
