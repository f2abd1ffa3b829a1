"""The controller's time, as an agent knows it."""

from __future__ import annotations

from saltern.foundation.clock import Clock, SystemClock


class ControllerClock:
    """A clock that follows the controller's and not this host's, which anybody may set.

    Between two settings it goes on with the time since boot. Until the first it is this host's.
    """

    def __init__(self, system: Clock | None = None) -> None:
        self._system = system or SystemClock()
        self._ahead: float | None = None  # of the time since boot

    def set(self, now: float) -> None:
        """The controller says that it is ``now``."""
        self._ahead = now - self._system.steady()

    def now(self) -> float:
        """Return seconds since the epoch, as the controller would say."""
        return self._system.now() if self._ahead is None else self._system.steady() + self._ahead

    def steady(self) -> float:
        """Return seconds that only grow."""
        return self._system.steady()
