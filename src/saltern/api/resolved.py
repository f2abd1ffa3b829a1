"""The reply that needs the targeting language; apart, so that other commands start without it."""

from __future__ import annotations

import msgspec

from saltern.model.ids import AgentKey
from saltern.targeting import Reason


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """The exact agents meant: key to name; ``reasons`` only where they were asked for."""

    expression: str
    kind: str
    members: dict[AgentKey, str]
    reasons: dict[AgentKey, Reason] = {}
    unknown: tuple[str, ...] = ()  # names in the expression that no agent has
