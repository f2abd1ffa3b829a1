"""Laying data over data: Salt's merge strategies, for functions and templates."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def over(under: Mapping[Any, Any], upper: Mapping[Any, Any], *, lists: bool = False) -> dict[Any, Any]:
    """Return ``under`` with ``upper`` laid upon it; neither is changed.

    Mappings in both are merged. With ``lists``, lists are put together, what is there already left out;
    all else is replaced.
    """
    made = {key: copy.deepcopy(value) for key, value in under.items()}
    for key, value in upper.items():
        below = made.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            made[key] = over(below, value, lists=lists)
        elif lists and isinstance(below, list) and isinstance(value, list):
            made[key] = [*below, *(copy.deepcopy(one) for one in value if one not in below)]
        else:
            made[key] = copy.deepcopy(value)
    return made


def merged(under: Any, upper: Any, strategy: str = "smart", *, lists: bool = False) -> Any:
    """Return two mappings merged as a strategy says; an unknown one is taken for ``recurse``, as in Salt.

    ``list`` keeps both values of a key in a list, ``overwrite`` and ``aggregate`` replace at the first level.
    """
    if strategy == "list":
        return _listed(under, upper)
    if strategy in ("overwrite", "aggregate"):
        return copy.deepcopy({**under, **upper})
    return over(under, upper, lists=lists)


def _listed(under: Mapping[Any, Any], upper: Mapping[Any, Any]) -> dict[Any, Any]:
    made = copy.deepcopy(dict(under))
    for key, value in upper.items():
        made[key] = [made[key], copy.deepcopy(value)] if key in made else copy.deepcopy(value)
    return made
