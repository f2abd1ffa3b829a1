"""A job that goes round in batches: whose turn it is, and when it stops. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from saltern.foundation.errors import UsageError
from saltern.model.ids import AgentKey
from saltern.model.job import Rollout
from saltern.targeting import amount, batch_size, too_many_failed


class Roll:
    """Those whose turn has not come, in order. Always as many are at work as the batch is large."""

    def __init__(self, rollout: Rollout, waiting: Iterable[AgentKey], total: int) -> None:
        """``total`` is how many take part; shares (``10%``) are of it."""
        self.rollout = rollout
        self.waiting = deque(waiting)
        self.held = 0  # places that are not free though nobody is at work there
        self._size = batch_size(rollout.batch, total)
        self._total = total

    def take(self, at_work: int) -> list[AgentKey]:
        """Return those whose turn it is now that ``at_work`` are."""
        free = max(0, self._size - at_work - self.held)
        return [self.waiting.popleft() for _ in range(min(free, len(self.waiting)))]

    def stop(self, failed: int) -> list[AgentKey]:
        """Return all that shall not have a turn any more, because too many failed."""
        allowed = self.rollout.max_failures
        if not allowed or not too_many_failed(failed, self._total, allowed):
            return []
        stopped = list(self.waiting)
        self.waiting.clear()
        return stopped


def check(rollout: Rollout, total: int) -> None:
    """Raise UsageError for a roll-out that makes no sense."""
    batch_size(rollout.batch, total)
    if rollout.max_failures:
        amount(rollout.max_failures, total)
    if rollout.wait < 0:
        raise UsageError("the rest between batches is not less than 0 seconds")
