"""What agents tell each other through the mine."""

from __future__ import annotations

import msgspec

from saltern.model.ids import AgentKey


class MineItem(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the mine, without its data. ``updated`` is seconds since the epoch, ``size`` bytes."""

    key: AgentKey
    name: str
    function: str
    updated: float
    size: int
    allow: str = ""  # a target: who may read it; empty: every agent
    allow_kind: str = "glob"
