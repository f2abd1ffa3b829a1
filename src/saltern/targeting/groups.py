"""Node groups: named targets from the configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from saltern.foundation.errors import nearest
from saltern.targeting import nodeset
from saltern.targeting.errors import TargetError
from saltern.targeting.expression import Expression, Names, Or, Regex
from saltern.targeting.grammar import OPERATORS, parse_words

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A group as configured: the text of a compound target, or its words (which may then hold spaces).
Definition = str | Sequence[object]

_TERM = re.compile(r"[A-Z].?@")
_REGEX_LETTERS = frozenset("([{\\?}])")


def definition(name: str, nodegroups: Mapping[str, Definition]) -> Expression:
    """Return what a node group means.

    As in Salt, a definition with no operator, no ``*`` and no ``X@`` term is a list of names, or a regular
    expression where it has letters that mean something in one. Raises TargetError for an unknown group and
    for a definition that cannot be understood.
    """
    if name not in nodegroups:
        hint = nearest(name, nodegroups) or (
            f"the node groups are: {', '.join(sorted(nodegroups))}" if nodegroups else "none is configured"
        )
        raise TargetError(f"there is no node group {name!r}", f"N@{name}", 2, hint=hint)
    words = _words(name, nodegroups[name])
    if not words:
        raise TargetError(f"the node group {name!r} is empty", f"N@{name}", 2)
    if any(word in OPERATORS or "*" in word or ":" in word or _TERM.match(word) for word in words):
        return parse_words(words, where=f"node group {name!r}")
    parts = tuple(_simple(word) for word in words)
    return parts[0] if len(parts) == 1 else Or(parts)


def _words(name: str, written: Definition) -> list[str]:
    if isinstance(written, str):
        return written.split()
    if not isinstance(written, Sequence):
        raise TargetError(f"the node group {name!r} is neither text nor a list of words", f"N@{name}", 2)
    return [str(word) for word in written]


def _simple(word: str) -> Expression:
    """Return what a word means that is a list of names, a node set, or else a regular expression."""
    if nodeset.is_folded(word):
        return Names(tuple(nodeset.listed(word)))
    if _REGEX_LETTERS.isdisjoint(word):
        return Names(tuple(name for name in word.split(",") if name))
    return Regex(word)
