"""``salt.utils.dictdiffer``: how two mappings differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class DictDiffer:
    """Which keys differ."""

    def __init__(self, current_dict: Mapping[Any, Any], past_dict: Mapping[Any, Any]) -> None:
        """Take the mapping as it is, and as it was."""
        self._now, self._before = current_dict, past_dict

    def added(self) -> set[Any]:
        """Return the new keys."""
        return set(self._now) - set(self._before)

    def removed(self) -> set[Any]:
        """Return the keys that are gone."""
        return set(self._before) - set(self._now)

    def changed(self) -> set[Any]:
        """Return the keys whose values differ."""
        return {key for key in self._now if key in self._before and self._now[key] != self._before[key]}

    def unchanged(self) -> set[Any]:
        """Return the keys whose values are the same."""
        return {key for key in self._now if key in self._before and self._now[key] == self._before[key]}


def deep_diff(old: Any, new: Any, ignore: list[Any] | None = None) -> dict[str, Any]:
    """Return ``{old, new}`` with only what differs, at any depth; an empty mapping when nothing does."""
    before: dict[Any, Any] = {}
    after: dict[Any, Any] = {}
    for key in dict.fromkeys([*old, *new]):
        if key in (ignore or ()) or (key in old and key in new and old[key] == new[key]):
            continue
        both = key in old and key in new
        inner = deep_diff(old[key], new[key], ignore) if both and _are_mappings(old[key], new[key]) else None
        if key in old:
            before[key] = old[key] if inner is None else inner.get("old", {})
        if key in new:
            after[key] = new[key] if inner is None else inner.get("new", {})
    found = {"old": before, "new": after}
    return {side: value for side, value in found.items() if value}


def _are_mappings(*values: Any) -> bool:
    return all(isinstance(value, Mapping) for value in values)


def diff(current_dict: Mapping[Any, Any], past_dict: Mapping[Any, Any]) -> DictDiffer:
    """Return how two mappings differ."""
    return DictDiffer(current_dict, past_dict)


def recursive_diff(
    past_dict: Mapping[Any, Any], current_dict: Mapping[Any, Any], **kwargs: Any
) -> RecursiveDiff:
    """Return how two nested mappings differ."""
    return RecursiveDiff(past_dict, current_dict)


class RecursiveDiff:
    """How two nested mappings differ; keys are joined by dots."""

    def __init__(self, past_dict: Mapping[Any, Any], current_dict: Mapping[Any, Any]) -> None:
        """Take the mapping as it was, and as it is."""
        self._before, self._now = _flat(past_dict), _flat(current_dict)
        self._nested = deep_diff(past_dict, current_dict)

    @property
    def diffs(self) -> dict[str, Any]:
        """What differs, as ``{old, new}``."""
        return self._nested

    def added(self) -> list[str]:
        """Return the new keys."""
        return sorted(set(self._now) - set(self._before))

    def removed(self) -> list[str]:
        """Return the keys that are gone."""
        return sorted(set(self._before) - set(self._now))

    def changed(self) -> list[str]:
        """Return the keys whose values differ."""
        return sorted(key for key in self._now if key in self._before and self._now[key] != self._before[key])


def _flat(data: Mapping[Any, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        path = f"{above}.{key}" if above else str(key)
        found.update(_flat(value, path) if isinstance(value, Mapping) and value else {path: value})
    return found
