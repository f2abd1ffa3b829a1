"""Who is meant: an expression and an index in, agents out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from saltern.targeting import addresses, patterns, versions
from saltern.targeting.clusters import Clusters
from saltern.targeting.errors import TargetError
from saltern.targeting.expression import (
    And,
    Expression,
    Fact,
    Glob,
    Group,
    Names,
    Not,
    Online,
    Or,
    Range,
    Regex,
    Since,
    Subnet,
    Version,
)
from saltern.targeting.printing import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from saltern.targeting.groups import Definition
    from saltern.targeting.index import Index


#: What the terms of one target may cost together: seconds of CPU.
LONGEST = 1.0


def resolve(
    expression: Expression,
    index: Index,
    *,
    nodegroups: Mapping[str, Definition] | None = None,
    clusters: Clusters | None = None,
    now: float | None = None,
) -> list[str]:
    """Return the keys of the agents meant, sorted by name; empty when nobody is.

    ``nodegroups`` gives each group's definition as Salt's configuration does (text or a list of words),
    ``clusters`` the range clusters, ``now`` the time (seconds since the epoch) that ``since:`` counts from.
    Raises TargetError for an unknown or circular group or cluster and for a pattern that costs too much.
    """
    return index.keys(Resolver(index, nodegroups, clusters, now).bits(expression))


class Resolver:
    """One moment's answers: each term is asked once, however often it stands in an expression."""

    def __init__(
        self,
        index: Index,
        nodegroups: Mapping[str, Definition] | None = None,
        clusters: Clusters | None = None,
        now: float | None = None,
    ) -> None:
        self.index = index
        self._nodegroups = nodegroups or {}
        self._clusters = clusters or Clusters({})
        self.now = now
        self._known: dict[Expression, int] = {}
        self._began = time.thread_time()
        self._open: list[str] = []  # the groups that are being resolved

    def bits(self, expression: Expression) -> int:
        """Return the agents meant, as a set of the index's slots."""
        if isinstance(expression, And):
            found = self.index.everyone()
            for part in expression.parts:
                found &= self.bits(part)
            return found
        if isinstance(expression, Or):
            found = 0
            for part in expression.parts:
                found |= self.bits(part)
            return found
        if isinstance(expression, Not):
            return self.index.everyone() & ~self.bits(expression.part)
        if expression not in self._known:
            self._check_time(expression)
            self._known[expression] = self._term(expression)
        return self._known[expression]

    def _check_time(self, term: Expression) -> None:
        """Raise TargetError when the terms so far took too long together."""
        if time.thread_time() - self._began > LONGEST:
            hint = "use fewer or simpler regular expressions"
            raise TargetError(f"this target takes more than {LONGEST:g} s", render(term), hint=hint)

    def _term(self, term: Expression) -> int:
        match term:
            case Glob():
                return self.index.with_name(patterns.glob(term.pattern))
            case Regex():
                return self.index.with_name(patterns.regex(term.pattern))
            case Names():
                return self.index.named(term.names)
            case Fact():
                return self.index.with_fact(term)
            case Subnet():
                return self.index.with_grain_text(*addresses.question(term.network))
            case Version():
                return self.index.with_grain_text(versions.GRAIN, versions.question(term))
            case Online():
                online = self.index.online()
                return online if term.online else self.index.everyone() & ~online
            case Since():
                return self._since(term)
            case Group():
                return self._group(term.name)
            case Range():
                return self.index.named(self._clusters.expand(term.text, self.index.names))
        raise AssertionError(term)

    def _since(self, term: Since) -> int:
        if self.now is None:
            raise TargetError("the time is not known here", f"since:{term.text}")
        return self.index.changed_since(self.now - term.seconds)

    def _group(self, name: str) -> int:
        from saltern.targeting.groups import definition

        self._open.append(name)
        if name in self._open[:-1]:
            circle = " → ".join(self._open[self._open.index(name) :])
            raise TargetError("node groups in a circle", f"N@{self._open[0]}", hint=circle)
        found = self.bits(definition(name, self._nodegroups))
        self._open.pop()
        return found


def unknown_names(expression: Expression, index: Index) -> list[str]:
    """Return the names written out in an expression that no agent has, in the order written."""
    found: dict[str, None] = {}
    queue: Sequence[Expression] = [expression]
    while queue:
        found |= dict.fromkeys(
            name for part in queue for name in _written_out(part) if not index.keys_named(name)
        )
        queue = [below for part in queue if isinstance(part, And | Or) for below in part.parts]
    return list(found)


def _written_out(part: Expression) -> Sequence[str]:
    if isinstance(part, Names):
        return part.names
    if isinstance(part, Glob) and not _WILD.intersection(part.pattern):
        return (part.pattern,)
    return ()


_WILD = frozenset("*?[")
