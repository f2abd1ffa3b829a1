"""``salt`` in templates: ``salt['pillar.get']('x')`` and ``salt.pillar.get('x')``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltern.sls.world import World

Function = Callable[..., Any]


class Functions:
    """Every function of the world, by its whole name or by noun and name."""

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        """Take the world whose functions these are."""
        self._world = world

    def __getitem__(self, name: str) -> Any:
        """Return a function, or for a name without a dot the functions of that noun."""
        if not isinstance(name, str) or name.startswith("_"):
            raise KeyError(name)
        return self._bound(name) if "." in name else Noun(self._bound, name)

    def __getattr__(self, name: str) -> Noun:
        """Return the functions of a noun."""
        if name.startswith("_"):
            raise AttributeError(name)
        return Noun(self._bound, name)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a function."""
        return isinstance(name, str) and self._world.knows(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a function, or the default where there is none."""
        return self._bound(name) if name in self else default

    def _bound(self, name: str) -> Function:
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._world.call(name, *args, **kwargs)

        call.__name__ = name
        return call


class Noun:
    """The functions of one noun."""

    __slots__ = ("_bound", "_noun")

    def __init__(self, bound: Callable[[str], Function], noun: str) -> None:
        """Take what makes a function of a whole name, and the noun."""
        self._bound = bound
        self._noun = noun

    def __getattr__(self, name: str) -> Function:
        """Return a function of this noun."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self._bound(f"{self._noun}.{name}")
