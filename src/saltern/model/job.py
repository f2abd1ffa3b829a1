"""A job, its targets, and what came back."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that tells whether a batch does well: it ends ok everywhere, and returns nothing false."""

    fun: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    target: str = ""  # where it is run; empty: on the agents of the batch
    target_kind: str = "glob"


class Rollout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a job goes round: so many agents at a time, and when it stops."""

    batch: str  # agents at a time: ``10`` or ``10%``
    wait: float = 0.0  # seconds to rest after an agent is done, before the next one's turn
    max_failures: str = ""  # more than these (``3``, ``5%``) stop it; empty: nothing does
    checks: tuple[Check, ...] = ()  # run after each batch; one that fails stops it
    check_within: float = 0.0  # seconds a check may be tried again until it passes
    rollback: bool = False  # the batch in which it stops is undone

    @property
    def in_steps(self) -> bool:
        """Tell that each batch ends, and is judged, before the next begins."""
        return bool(self.checks) or self.rollback


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, by whom, of whom. Times are seconds since the epoch, durations seconds."""

    jid: JobId
    fun: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    target: str
    target_kind: str = "glob"
    user: str
    created: float
    timeout: float  # the time a target has to run, from its start
    queue_until: float | None = None  # offline targets may still get it until then
    cancelled_by: str | None = None
    rollout: Rollout | None = None  # None: all at once
    plan: str = ""  # the plan it applies: each agent gets its own part of it
    returners: tuple[str, ...] = ()  # who else gets its returns


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's part in a job."""

    jid: JobId
    key: AgentKey
    name: str
    status: Status
    updated: float
    reason: str = ""  # why it is offline, refused, lost …: one sentence
    retcode: int | None = None
    started: float | None = None  # the agent's word, on the controller's clock
    finished: float | None = None
    size: int = 0  # bytes of JSON data
    proven: bool = False  # the agent itself said so in its return


class Tally(msgspec.Struct, frozen=True):
    """How many targets of a job have each status."""

    counts: dict[Status, int]

    @property
    def settled(self) -> bool:
        """Tell that nobody needs to wait any more."""
        from saltern.model.status import SETTLED

        return all(status in SETTLED for status, count in self.counts.items() if count)
