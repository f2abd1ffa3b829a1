"""The form of a target once it is understood: terms joined by and, or, not."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """How a target's text is to be read; the names are Salt's ``tgt_type``."""

    GLOB = "glob"
    PCRE = "pcre"
    LIST = "list"
    GRAIN = "grain"
    GRAIN_PCRE = "grain_pcre"
    PILLAR = "pillar"
    PILLAR_PCRE = "pillar_pcre"
    PILLAR_EXACT = "pillar_exact"
    IPCIDR = "ipcidr"
    NODEGROUP = "nodegroup"
    RANGE = "range"
    COMPOUND = "compound"
    COMPOUND_PILLAR_EXACT = "compound_pillar_exact"


class Glob(msgspec.Struct, frozen=True, tag=True):
    """Agents whose name matches a shell pattern (``*``, ``?``, ``[…]``); case counts."""

    pattern: str


class Names(msgspec.Struct, frozen=True, tag=True):
    """Agents named, one by one."""

    names: tuple[str, ...]


class And(msgspec.Struct, frozen=True, tag=True):
    """Agents that every part means."""

    parts: tuple[Expression, ...]


class Or(msgspec.Struct, frozen=True, tag=True):
    """Agents that any part means."""

    parts: tuple[Expression, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """All other agents."""

    part: Expression


Expression = Glob | Names | And | Or | Not
