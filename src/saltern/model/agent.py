"""An agent as the controller knows it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from saltern.model.ids import AgentKey


class KeyState(StrEnum):
    """How far an agent's key is trusted."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVOKED = "revoked"


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """One agent. Times are seconds since the epoch; None is never."""

    key: AgentKey
    name: str
    state: KeyState
    fingerprint: str
    created: float
    online: bool = False
    since: float | None = None  # online or offline since
    last_seen: float | None = None
    version: str = ""
    address: str = ""
    instance: str = ""  # the agent process last heard of; new at every start of it
    token: str | None = None  # the id of the join token it came with
    grains: dict[str, str] = {}  # what the token grants it
