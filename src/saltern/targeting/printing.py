"""Expression to text: what ``parse`` with the kind compound reads back as the same expression."""

from __future__ import annotations

from typing import assert_never

from saltern.targeting import nodeset
from saltern.targeting.expression import (
    FACT_LETTERS,
    And,
    Expression,
    Fact,
    Glob,
    Group,
    Matching,
    Names,
    Not,
    Online,
    Or,
    Range,
    Regex,
    Since,
    Source,
    Subnet,
    Version,
)
from saltern.targeting.words import quote

_LETTER = {meaning: letter for letter, meaning in FACT_LETTERS.items()} | {
    (Source.PILLAR, Matching.EXACT): "I"
}


def render(expression: Expression) -> str:
    """Return an expression as a compound target.

    Exact pillar terms are written ``I@``, which the kind compound_pillar_exact reads as such.
    """
    if isinstance(expression, And):
        return " and ".join(_inner(part, And | Or) for part in expression.parts)
    if isinstance(expression, Or):
        return " or ".join(_inner(part, Or) for part in expression.parts)
    if isinstance(expression, Not):
        return f"not {_inner(expression.part, And | Or)}"
    return quote(_term(expression))


def _inner(part: Expression, looser: object) -> str:
    text = render(part)
    return f"( {text} )" if isinstance(part, looser) else text  # type: ignore[arg-type]


def _term(term: Expression) -> str:
    match term:
        case Glob():
            return term.pattern
        case Regex():
            return f"E@{term.pattern}"
        case Names():
            return f"L@{','.join(nodeset.item(name) for name in term.names)}"
        case Fact():
            delimiter = "" if term.delimiter == ":" else term.delimiter
            return f"{_LETTER[term.source, term.matching]}{delimiter}@{term.path}"
        case Subnet():
            return f"S@{term.network}"
        case Group():
            return f"N@{term.name}"
        case Range():
            return f"R@{term.text}"
        case Online():
            return "is:online" if term.online else "is:offline"
        case Since():
            return f"since:{term.text}"
        case Version():
            return f"version:{term.operator}{term.version}"
        case And() | Or() | Not():
            raise AssertionError(term)
    assert_never(term)
