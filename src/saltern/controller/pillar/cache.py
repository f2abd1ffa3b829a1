"""Pillars that need not be made again: kept in memory, by agent, until anything they came from changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from saltern.model.ids import AgentKey


class Which(NamedTuple):
    """Whose pillar. The agent's key is the first thing that tells one from another."""

    key: AgentKey
    pillarenv: str
    saltenv: str


class Made(NamedTuple):
    """A pillar, and what it came from: it is good for exactly that, and until then."""

    version: str
    facts: bytes
    until: float
    data: bytes


class Cache:
    """Holds at most so many bytes; what was not asked for the longest goes first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Which, Made] = OrderedDict()

    def get(self, which: Which, version: str, facts: bytes, now: float) -> bytes | None:
        """Return the pillar if it was made of just that, and is not too old."""
        made = self._kept.get(which)
        if made is None or (made.version, made.facts) != (version, facts) or now >= made.until:
            return None
        self._kept.move_to_end(which)
        return made.data

    def put(self, which: Which, made: Made) -> None:
        """Keep a pillar in place of the one before."""
        self._drop(which)
        if len(made.data) <= self._limit // 4:
            self._kept[which] = made
            self._size += len(made.data)
        while self._size > self._limit:
            self._drop(next(iter(self._kept)))

    def forget(self, key: AgentKey) -> None:
        """Forget an agent's pillars."""
        for which in [one for one in self._kept if one.key == key]:
            self._drop(which)

    def _drop(self, which: Which) -> None:
        made = self._kept.pop(which, None)
        if made is not None:
            self._size -= len(made.data)
