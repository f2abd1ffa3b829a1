"""What goes into the store and comes out of it, beyond the model. Times are seconds since the epoch."""

from __future__ import annotations

import msgspec

from saltern.messages.v1 import Blob, Error
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job, Target
from saltern.model.status import Status


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """An agent came, went, or was heard of ``at`` a time. None leaves what is known as it is."""

    key: AgentKey
    online: bool
    at: float
    instance: str | None = None
    version: str | None = None
    address: str | None = None


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A status seen or concluded, without the proof of a return."""

    jid: JobId
    key: AgentKey
    status: Status
    at: float
    reason: str = ""
    started: float | None = None
    finished: float | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's return. ``data`` is its JSON; or ``blob`` describes the chunks put before."""

    jid: JobId
    key: AgentKey
    verdict: Status
    at: float
    retcode: int = 0
    data: bytes = b""
    blob: Blob | None = None
    error: Error | None = None
    reason: str = ""
    started: float | None = None
    finished: float | None = None
    snapshot: dict[str, str] = {}


Pair = tuple[JobId, AgentKey]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch came to.

    ``changed`` are the targets that differ now, as they are now, each once; ``unknown`` the pairs that are
    no target of any job; ``damaged`` says what is wrong with returns that were not taken.
    """

    changed: tuple[Target, ...] = ()
    unknown: tuple[Pair, ...] = ()
    damaged: dict[Pair, str] = {}


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """A return as stored. ``data`` is None when it came in chunks: read it with ``returns.data``."""

    target: Target
    data: bytes | None
    error: Error | None
    snapshot: dict[str, str] = {}


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """A job that waits for an agent to connect."""

    job: Job
    target: Target


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list; None does not restrict. ``before`` is the last jid of the page before."""

    user: str | None = None
    fun: str | None = None  # glob
    target: str | None = None  # the name of one of its targets
    since: float | None = None  # made then or later
    until: float | None = None  # made before
    status: Status | None = None  # at least one target has it
    text: str | None = None  # is in its arguments
    before: JobId | None = None
    limit: int = 50


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What retention took away: how many jobs, about how many bytes."""

    jobs: int = 0
    bytes: int = 0


def plain(text: str) -> str:
    """Return ``text`` as every database takes it: NUL and lone surrogates become ``?``-like marks."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
