"""Time, handed in: a clock that tests can move."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What a component may know of time."""

    def now(self) -> float:
        """Return wall-clock time: seconds since the epoch, UTC."""

    def steady(self) -> float:
        """Return seconds that only grow, also through suspend; the zero is arbitrary."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return wall-clock time: seconds since the epoch, UTC."""
        return time.time()

    def steady(self) -> float:
        """Return seconds since boot, counting suspend where the kernel does."""
        return time.clock_gettime(_STEADY)


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
