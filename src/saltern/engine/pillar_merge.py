"""How what several sources say of one machine becomes one pillar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from saltern.foundation.errors import SettingsError, nearest

Data = dict[str, Any]


class Merging(msgspec.Struct, frozen=True):
    """A strategy by Salt's name (``pillar_source_merging_strategy``), and ``pillar_merge_lists``."""

    strategy: str = "smart"
    merge_lists: bool = False

    def merge(self, under: Mapping[str, Any], over: Mapping[str, Any]) -> Data:
        """Return ``under`` with ``over`` laid upon it; both are left as they are."""
        return _STRATEGIES[self.strategy](under, over, self.merge_lists)

    def with_given(self, found: Mapping[str, Any], given: Mapping[str, Any]) -> Data:
        """Return a pillar with what was given for one run, which counts most, and stands first."""
        return self.merge(self.merge(given, found), given) if given else dict(found)


def merging_of(opts: Mapping[str, Any]) -> Merging:
    """Return how ``opts`` (Salt's names) say that sources are merged. Raises SettingsError."""
    strategy = str(opts.get("pillar_source_merging_strategy") or "smart")
    if strategy not in _STRATEGIES:
        known = ", ".join(_STRATEGIES)
        raise SettingsError(
            f"pillar_source_merging_strategy: there is no strategy {strategy!r}",
            hint=nearest(strategy, _STRATEGIES) or f"there are {known}",
        )
    return Merging(strategy, bool(opts.get("pillar_merge_lists", False)))


def laid_over(under: Mapping[str, Any], over: Mapping[str, Any], merge_lists: bool = False) -> Data:
    """Return ``under`` with ``over`` laid upon it: mappings are merged, all else is replaced.

    With ``merge_lists`` a list upon a list adds those of its members that are not there yet.
    """
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = laid_over(below, value, merge_lists)
        elif merge_lists and isinstance(below, list) and isinstance(value, list):
            result[key] = joined(below, value)
        else:
            result[key] = value
    return result


def joined(first: list[Any], second: list[Any]) -> list[Any]:
    """Return the members of both, those of the second only where the first has them not."""
    return [*first, *(one for one in second if one not in first)]


def _replaced(under: Mapping[str, Any], over: Mapping[str, Any], merge_lists: bool) -> Data:
    return {**under, **over}


def _listed(under: Mapping[str, Any], over: Mapping[str, Any], merge_lists: bool) -> Data:
    """Keep both values of a key that is in both, as a list of two."""
    both = {key: [value, over[key]] for key, value in under.items() if key in over}
    return {**under, **over, **both}


_STRATEGIES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], bool], Data]] = {
    "smart": laid_over,
    "recurse": laid_over,
    "aggregate": _replaced,  # what Salt does without its renderer yamlex
    "overwrite": _replaced,
    "list": _listed,
    "none": lambda under, over, merge_lists: laid_over(under, over),  # and one environment's top file only
}
