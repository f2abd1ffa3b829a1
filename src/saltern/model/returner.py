"""Returners: where returns are delivered beside the store, and how that goes."""

from __future__ import annotations

import msgspec

from saltern.model.ids import AgentKey, JobId


class ReturnerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One returner, now. Times are seconds since the epoch. Numbers are of all controllers together."""

    name: str
    kind: str  # empty: this controller's settings do not name it (any more)
    address: str = ""  # where it delivers to, without passwords
    functions: tuple[str, ...] = ()  # globs of the functions whose returns it gets
    always: bool = False  # also returns of jobs that do not ask for it
    waiting: int = 0  # returns that are still to be delivered
    refused: int = 0  # returns it would not take; they are kept until they are retried, or too old
    delivered: int = 0  # since it exists
    dropped: int = 0  # never delivered: too old, too many, or their job was removed
    oldest: float | None = None  # when the oldest that waits came in
    last_delivery: float | None = None
    error: str = ""  # why the last attempt failed; empty when it went well
    error_at: float | None = None


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """A return that a returner refused for good: ``reason`` says why."""

    jid: JobId
    key: AgentKey
    name: str
    fun: str
    since: float  # when it came in
    reason: str


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt to deliver a test went: ``seconds`` it took; ``error`` is empty when it went well."""

    name: str
    seconds: float
    error: str = ""
    hint: str = ""


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """How many refused returns are to be delivered again."""

    name: str
    count: int
