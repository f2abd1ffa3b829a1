"""Who is meant: an expression and an index in, agents out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from saltern.targeting.expression import And, Expression, Glob, Names, Not

if TYPE_CHECKING:
    from collections.abc import Mapping

    from saltern.targeting.index import Index


def resolve(
    expression: Expression,
    index: Index,
    *,
    nodegroups: Mapping[str, Any] | None = None,
    clusters: Any = None,
    now: float = 0.0,
) -> list[str]:
    """Return the keys of the agents meant, sorted by name; empty when nobody is."""
    return [member.key for member in index if _meant(expression, member.name)]


def _meant(expression: Expression, name: str) -> bool:
    if isinstance(expression, Glob):
        return fnmatchcase(name, expression.pattern)
    if isinstance(expression, Names):
        return name in expression.names
    if isinstance(expression, Not):
        return not _meant(expression.part, name)
    joined = all if isinstance(expression, And) else any
    return joined(_meant(part, name) for part in expression.parts)
