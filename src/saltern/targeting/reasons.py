"""Why an agent is meant, or is not: each term of an expression with its answer for that agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from saltern.targeting.expression import And, Expression, Fact, Not, Or, Source, Subnet, Version
from saltern.targeting.printing import render
from saltern.targeting.versions import GRAIN

if TYPE_CHECKING:
    from saltern.targeting.index import Index
    from saltern.targeting.resolver import Resolver


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One term or group of terms, whether it means the agent, and why it does or does not.

    ``seen`` is what the agent has where the term looks, as text: its name, a grain, … (may be empty).
    ``stale`` is how old the pillar was that answered, in seconds; None for terms that look elsewhere.
    """

    text: str
    matched: bool
    seen: str = ""
    stale: float | None = None
    parts: tuple[Reason, ...] = ()


def explain(expression: Expression, resolver: Resolver, key: str) -> Reason:
    """Return why the agent ``key`` is meant by ``expression`` or is not."""
    bit = resolver.index.mark(key)
    if isinstance(expression, And | Or):
        below: tuple[Expression, ...] = expression.parts
    else:
        below = (expression.part,) if isinstance(expression, Not) else ()
    return Reason(
        text=render(expression),
        matched=bool(resolver.bits(expression) & bit),
        seen="" if below else _seen(expression, resolver.index, key),
        stale=_stale(expression, resolver, key),
        parts=tuple(explain(part, resolver, key) for part in below),
    )


def terms_matched(reason: Reason) -> list[str]:
    """Return the texts of the single terms that are true of the agent, left to right."""
    if not reason.parts:
        return [reason.text] if reason.matched else []
    return [text for part in reason.parts for text in terms_matched(part)]


_LONGEST = 200


def _seen(term: Expression, index: Index, key: str) -> str:
    """Return what the agent has where ``term`` looks."""
    match term:
        case Fact(source=Source.GRAINS):
            return _shown(index.grains(key), term.path.split(term.delimiter)[0])
        case Fact():
            return ""  # pillars hold secrets: only whether the term is true is told
        case Subnet():
            return _shown(index.grains(key), "ipv6" if ":" in term.network else "ipv4")
        case Version():
            return _shown(index.grains(key), GRAIN)
    presence, member = index.presence(key), index.member(key)
    state = (
        ""
        if presence is None
        else f", {'online' if presence.online else 'offline'} since {presence.since:.0f}"
    )
    return f"{member.name}{state}" if member else ""


def _shown(data: dict[str, object], grain: str) -> str:
    text = f"{grain}: {data[grain]}" if grain in data else f"{grain}: (none)"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _stale(term: Expression, resolver: Resolver, key: str) -> float | None:
    rendered = resolver.index.rendered_at(key)
    if (
        not (isinstance(term, Fact) and term.source is Source.PILLAR)
        or rendered is None
        or resolver.now is None
    ):
        return None
    return max(0.0, resolver.now - rendered)
