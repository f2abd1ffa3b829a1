"""What a watcher of a job sees, in order. On the public API each is one line of NDJSON."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job
from saltern.model.status import Status


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="job"):
    """First line: the job, and how many targets it has."""

    job: Job
    targets: int


class Counted(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="tally"):
    """How many targets have each status now; at most ten a second."""

    jid: JobId
    counts: dict[Status, int]


class Output(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="progress"):
    """Output of a running job as it comes. ``data`` is text; bytes that are not UTF-8 are replaced."""

    jid: JobId
    key: AgentKey
    name: str
    stream: str
    data: str


class Progressing(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run of states is on an agent: ``number`` of ``of`` have ended."""

    number: int = 0
    of: int = 0
    running: str = ""  # the state at work now, where that is known: ``file.managed motd``
    changed: int = 0
    failed: int = 0


class Step(Progressing, frozen=True, kw_only=True):
    """The same, with whose it is."""

    name: str


class Stepped(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="states"):
    """How far all runs of states of a job are; at most four a second.

    The sums are over all agents; ``steps`` are those furthest behind among those at work, not more than 50.
    """

    jid: JobId
    number: int
    of: int
    changed: int
    failed: int
    steps: tuple[Step, ...] = ()


class Noted(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="note"):
    """What a roll-out has decided: a sentence for people. ``job`` is a job it started for that, if any."""

    jid: JobId
    at: float
    text: str
    failed: bool = False
    job: str = ""


class Settled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="return"):
    """One target is done, or nobody needs to wait for it. Later lines replace earlier ones of a target.

    ``data`` is what the function returned, as JSON; it is absent when there is none, or when it is larger
    than a line may be: then ``size`` is its length in bytes, and the returns endpoint streams it.
    """

    jid: JobId
    key: AgentKey
    name: str
    status: Status
    reason: str = ""
    retcode: int | None = None
    error: dict[str, Any] | None = None  # kind, message, detail, hint
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    size: int = 0
    started: float | None = None
    finished: float | None = None
    snapshot: dict[str, str] = {}  # trees of files it used: environment to SHA-256, and revision if any


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="end"):
    """Last line: all targets have settled."""

    jid: JobId
    counts: dict[Status, int]


class Unknown(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="unknown"):
    """The target names agents that there are not. The others get the job all the same."""

    names: tuple[str, ...]


Update = Unknown | Begun | Counted | Stepped | Noted | Output | Settled | Ended
