"""An expression and a fleet in, the exact set of agents out (pure).

Each part is loaded when it is first used: who only folds names does not wait for the index.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saltern.targeting.clusters import Clusters
    from saltern.targeting.errors import NobodyMatched, TargetError
    from saltern.targeting.expression import Expression, Kind
    from saltern.targeting.grammar import parse
    from saltern.targeting.index import Index, Member
    from saltern.targeting.nodeset import expand, fold
    from saltern.targeting.portions import amount, batch_size, batches, subset, too_many_failed
    from saltern.targeting.printing import render
    from saltern.targeting.reasons import Reason, explain, terms_matched
    from saltern.targeting.resolver import Resolver, resolve, unknown_names

_HOMES = {
    "Clusters": "clusters",
    "Expression": "expression",
    "Index": "index",
    "Kind": "expression",
    "Member": "index",
    "NobodyMatched": "errors",
    "Reason": "reasons",
    "Resolver": "resolver",
    "TargetError": "errors",
    "amount": "portions",
    "batch_size": "portions",
    "batches": "portions",
    "expand": "nodeset",
    "explain": "reasons",
    "fold": "nodeset",
    "parse": "grammar",
    "render": "printing",
    "resolve": "resolver",
    "subset": "portions",
    "terms_matched": "reasons",
    "too_many_failed": "portions",
    "unknown_names": "resolver",
}

__all__ = [
    "Clusters",
    "Expression",
    "Index",
    "Kind",
    "Member",
    "NobodyMatched",
    "Reason",
    "Resolver",
    "TargetError",
    "amount",
    "batch_size",
    "batches",
    "expand",
    "explain",
    "fold",
    "parse",
    "render",
    "resolve",
    "subset",
    "terms_matched",
    "too_many_failed",
    "unknown_names",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
