"""Whether a target means the machine that is compiled for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from saltern.foundation.errors import UsageError, nearest
from saltern.sls.options import Options

if TYPE_CHECKING:
    from saltern.sls.world import World
    from saltern.targeting import Resolver


class Matcher:
    """Answers for one world; what it needs is made when it is first asked."""

    def __init__(self, world: World) -> None:
        """Take the world."""
        self._world = world

    @functools.cached_property
    def _resolver(self) -> Resolver:
        from saltern.targeting import Index, Resolver

        index = Index()
        index.put(self._world.id, self._world.id, dict(self._world.grains))
        index.set_pillar(self._world.id, self._world.pillar, 0.0)
        return Resolver(index, Options.of(self._world.opts).nodegroups)

    def matches(self, target: str, kind: str = "compound") -> bool:
        """Tell whether a target means the machine; ``kind`` is Salt's name of how to read it.

        Raises UsageError (TargetError) for a kind or a target that means nothing.
        """
        from saltern.targeting import Kind, parse

        if target == "*" and kind in ("compound", "glob"):
            return True
        kinds = {str(known): known for known in Kind}
        if kind not in kinds:
            hint = nearest(kind, kinds) or f"there are {', '.join(kinds)}"
            raise UsageError(f"there is no matcher {kind!r}", hint=hint)
        return bool(self._resolver.bits(parse(target, kinds[kind])))
