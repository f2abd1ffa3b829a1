"""An expression and a fleet in, the exact set of agents out (pure)."""

from saltern.targeting.batches import amount, batch_size, batches, subset, too_many_failed
from saltern.targeting.clusters import Clusters
from saltern.targeting.errors import NobodyMatched, TargetError
from saltern.targeting.explain import Reason, explain, terms_matched
from saltern.targeting.expression import Expression, Kind
from saltern.targeting.index import Index, Member
from saltern.targeting.nodeset import expand, fold
from saltern.targeting.parse import parse
from saltern.targeting.render import render
from saltern.targeting.resolve import Resolver, resolve, unknown_names

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
