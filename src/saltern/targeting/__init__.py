"""An expression and a fleet in, the exact set of agents out (pure)."""

from saltern.targeting.errors import NobodyMatched, TargetError
from saltern.targeting.expression import Expression, Kind
from saltern.targeting.index import Index, Member
from saltern.targeting.nodeset import expand, fold
from saltern.targeting.parse import parse
from saltern.targeting.resolve import resolve

__all__ = [
    "Expression",
    "Index",
    "Kind",
    "Member",
    "NobodyMatched",
    "TargetError",
    "expand",
    "fold",
    "parse",
    "resolve",
]
