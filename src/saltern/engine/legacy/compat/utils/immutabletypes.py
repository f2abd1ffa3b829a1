"""``salt.utils.immutabletypes``: data that can't be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any


def freeze(obj: Any) -> Any:
    """Return data that can't be changed, at any depth."""
    if isinstance(obj, Mapping):
        return MappingProxyType({key: freeze(value) for key, value in obj.items()})
    if isinstance(obj, Sequence) and not isinstance(obj, str | bytes):
        return tuple(map(freeze, obj))
    return frozenset(obj) if isinstance(obj, set) else obj
