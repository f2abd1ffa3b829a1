"""What operators are told of pillars."""

from __future__ import annotations

import msgspec


class ShownPillar(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's pillar as JSON; secrets are masked unless they were asked for."""

    name: str
    pillar: msgspec.Raw


class PillarTop(msgspec.Struct, frozen=True, kw_only=True):
    """The SLS that make an agent's pillar, by environment.

    ``untrusted`` are grains that targets ask for and that only the agent itself tells: they do not count.
    """

    name: str
    top: dict[str, list[str]]
    untrusted: tuple[str, ...] = ()


class PillarCheck(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="pillar"):
    """Whether an agent's pillar renders, and what is wrong with it."""

    name: str
    ok: bool
    message: str = ""
    hint: str = ""
    untrusted: tuple[str, ...] = ()
