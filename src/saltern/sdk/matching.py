"""Whether a target means one machine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from saltern.sdk.errors import UsageError, nearest

if TYPE_CHECKING:
    from saltern.targeting import Resolver

_OF_PILLAR = ("pillar", "I@", "J@", "N@")


class Machine:
    """A machine by its name, grains, and a pillar that is asked for only by targets that may be about it."""

    def __init__(
        self,
        name: str,
        grains: Mapping[str, Any],
        pillar: Callable[[], Mapping[str, Any]],
        nodegroups: Mapping[str, Any],
    ) -> None:
        self._name = name
        self._grains = grains
        self._pillar = pillar
        self._nodegroups = nodegroups

    def matches(self, target: str, kind: str = "compound", delimiter: str = ":") -> bool:
        """Tell whether a target means the machine; ``kind`` is Salt's name of how to read it.

        Raises UsageError for a kind or a target that means nothing.
        """
        from saltern.targeting import Kind, parse

        if kind not in list(Kind):
            hint = nearest(kind, list(Kind)) or f"there are {', '.join(Kind)}"
            raise UsageError(f"there is no kind of target {kind!r}", hint=hint)
        about_pillar = any(mark in f"{kind} {target}" for mark in _OF_PILLAR)
        resolver = self._with_pillar if about_pillar else self._plain
        return bool(resolver.bits(parse(target, Kind(kind), delimiter=delimiter)))

    @functools.cached_property
    def _plain(self) -> Resolver:
        return self._resolver({})

    @functools.cached_property
    def _with_pillar(self) -> Resolver:
        return self._resolver(self._pillar())

    def _resolver(self, pillar: Mapping[str, Any]) -> Resolver:
        from saltern.targeting import Index, Resolver

        index = Index()
        index.put(self._name, self._name, {**self._grains, "id": self._name})
        index.set_pillar(self._name, pillar, 0.0)
        return Resolver(index, self._nodegroups)
