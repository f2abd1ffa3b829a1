"""The one way in for things that have names: built in, or brought by a distribution."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from saltern.foundation.errors import NotFound, nearest

T = TypeVar("T")


class Plugins(Generic[T]):
    """Things of one sort by their names; nothing is imported but what is asked for, and that once."""

    def __init__(self, sort: str, own: Mapping[str, str], group: str = "") -> None:
        """Take what they are, for messages; names with ``module:attribute``; and the entry-point group.

        Built-in names come first. Without a group there is nothing else.
        """
        self._sort = sort
        self._own = own
        self._group = group
        self._loaded: dict[str, Any] = {}

    def names(self) -> list[str]:
        """Return all names, plugins included, sorted."""
        return sorted({*self._own, *self._plugins})

    def get(self, name: str) -> T:
        """Return what has a name. Raises NotFound that proposes the nearest one."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return cast(T, self._loaded[name])

    @functools.cached_property
    def _plugins(self) -> dict[str, str]:
        from importlib.metadata import entry_points

        return {point.name: point.value for point in entry_points(group=self._group)} if self._group else {}

    def _load(self, name: str) -> Any:
        target = self._own.get(name) or self._plugins.get(name)
        if target is None:
            known = self.names()
            hint = nearest(name, known) or f"there are {', '.join(known)}"
            raise NotFound(f"there is no {self._sort} {name!r}", hint=hint)
        module, _, attribute = target.partition(":")
        return getattr(importlib.import_module(module), attribute)
