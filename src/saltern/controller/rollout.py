"""A job that goes round in batches: whose turn it is, and when it stops. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from saltern.foundation.errors import UsageError
from saltern.identity.authorise import Principal
from saltern.model.ids import AgentKey
from saltern.model.job import Rollout
from saltern.model.status import Status
from saltern.model.update import Noted, Settled
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
    if rollout.check_within < 0:
        raise UsageError("the time for checks to pass is not less than 0 seconds")
    if any(not check.fun for check in rollout.checks):
        raise UsageError("a check needs a function", hint="for example: --check 'service.status nginx'")


# --- in steps: each batch ends, and is judged, before the next begins -----------------------------------


class Stage(StrEnum):
    """What a roll-out in steps is at."""

    WORKING = "working"  # the batch is at work; without one, the next is to be chosen
    CHECKING = "checking"
    RESTING = "resting"
    UNDOING = "undoing"
    OVER = "over"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """How far a roll-out in steps is: all that another controller needs to go on with it.

    ``since`` is when its stage began. Its checks and its undoing are decided about as asked for by
    ``principal``, who began it.
    """

    principal: Principal
    stage: Stage = Stage.WORKING
    number: int = 0  # of the batch
    batch: tuple[AgentKey, ...] = ()
    since: float = 0.0
    reason: str = ""  # why it was stopped
    notes: tuple[Noted, ...] = ()


def begun(principal: Principal, now: float) -> str:
    """Return the record of a roll-out that has just begun, as the store keeps it."""
    return stored(Record(principal=principal, since=now))


def stored(record: Record) -> str:
    """Return a record as the store keeps it."""
    return msgspec.json.encode(record).decode()


def read(text: str) -> Record:
    """Return a record that the store kept."""
    return msgspec.json.decode(text, type=Record)


def next_batch(rollout: Rollout, waiting: Sequence[AgentKey], total: int) -> tuple[AgentKey, ...]:
    """Return those of ``waiting`` whose turn it is; ``total`` is how many take part in all."""
    return tuple(waiting[: batch_size(rollout.batch, total)])


def verdict(rollout: Rollout, failed: int, total: int) -> str:
    """Return why the roll-out is to stop after a batch; empty when it goes on.

    With ``rollback`` nothing may fail, unless ``max_failures`` says otherwise.
    """
    allowed = rollout.max_failures or ("0" if rollout.rollback else "")
    if allowed and too_many_failed(failed, total, allowed):
        return f"more than {allowed} failed"
    return ""


def passes(settled: Settled) -> bool:
    """Tell whether a check did well on an agent: it ended ok, and what it returned is not false."""
    if settled.status is not Status.OK:
        return False
    return isinstance(settled.data, msgspec.UnsetType) or bytes(settled.data) != b"false"
