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


class Source(StrEnum):
    """Where a fact term looks."""

    GRAINS = "grains"
    PILLAR = "pillar"


class Matching(StrEnum):
    """How a fact term compares text; case never counts."""

    GLOB = "glob"
    REGEX = "regex"
    EXACT = "exact"


class Glob(msgspec.Struct, frozen=True, tag=True):
    """Agents whose name matches a shell pattern (``*``, ``?``, ``[…]``); case counts."""

    pattern: str


class Regex(msgspec.Struct, frozen=True, tag=True):
    """Agents whose name begins with a match of a regular expression; case counts."""

    pattern: str


class Names(msgspec.Struct, frozen=True, tag=True):
    """Agents named, one by one."""

    names: tuple[str, ...]


class Fact(msgspec.Struct, frozen=True, tag=True):
    """Agents with a grain or a pillar value: ``path`` is ``key:key:pattern``, split at ``delimiter``."""

    source: Source
    matching: Matching
    path: str
    delimiter: str = ":"


class Subnet(msgspec.Struct, frozen=True, tag=True):
    """Agents that have this address, or one in this network (IPv4 or IPv6)."""

    network: str


class Group(msgspec.Struct, frozen=True, tag=True):
    """The agents of a node group."""

    name: str


class Range(msgspec.Struct, frozen=True, tag=True):
    """Agents whose names a range expression yields."""

    text: str


class Online(msgspec.Struct, frozen=True, tag=True):
    """Agents that are connected now, or that are not."""

    online: bool


class Since(msgspec.Struct, frozen=True, tag=True):
    """Agents that came or went at most ``seconds`` ago; ``text`` is how that was written."""

    seconds: float
    text: str


class Version(msgspec.Struct, frozen=True, tag=True):
    """Agents whose Saltern is older than, newer than, … a version."""

    operator: str
    version: str


class And(msgspec.Struct, frozen=True, tag=True):
    """Agents that every part means."""

    parts: tuple[Expression, ...]


class Or(msgspec.Struct, frozen=True, tag=True):
    """Agents that any part means."""

    parts: tuple[Expression, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """All other agents."""

    part: Expression


Term = Glob | Regex | Names | Fact | Subnet | Group | Range | Online | Since | Version
Expression = Term | And | Or | Not

#: Compound letters of the fact terms.
FACT_LETTERS: dict[str, tuple[Source, Matching]] = {
    "G": (Source.GRAINS, Matching.GLOB),
    "P": (Source.GRAINS, Matching.REGEX),
    "I": (Source.PILLAR, Matching.GLOB),
    "J": (Source.PILLAR, Matching.REGEX),
}
