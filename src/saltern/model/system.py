"""How the controller itself is, and what it sees happen."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.model.ids import AgentKey


class ControllerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One controller, now. Times are seconds since the epoch."""

    version: str
    started: float
    pid: int
    fabric: str  # where agents connect to
    database: str  # never with a password
    agents: int  # accepted
    online: int
    pending: int  # keys that wait to be accepted
    jobs: int  # not settled yet
    problems: tuple[str, ...] = ()  # one sentence each; empty when all is well


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the audit log is whole. ``problem`` says what is broken, at entry ``at``."""

    whole: bool
    entries: int
    head: str = ""  # hash of the last entry: keep it elsewhere to prove that nothing was cut off
    problem: str = ""
    at: int | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An act as recorded: ``arguments`` is JSON with secrets masked, hashes are 64 hexadecimal digits."""

    seq: int
    at: float
    principal: str
    action: str
    target: str
    decision: str
    arguments: str
    previous: str
    hash: str


class Happening(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="event"
):
    """Something happened: on the agent ``key``, or (without a key) on the controller."""

    at: float
    tag: str
    key: AgentKey | None = None
    name: str = ""
    data: dict[str, Any] = {}
