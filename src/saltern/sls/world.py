"""All that a compilation knows beside the files: handed in, so that a test can give any world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from saltern.sdk.host import Host


def _no(name: str) -> bool:
    return False


def _yes(name: str) -> bool:
    return True


def _none(name: str) -> None:
    return None


class World(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that a tree is compiled for.

    ``call(fun, *args, **kwargs)`` runs a function for ``salt['fun'](…)`` in a template and ``knows(fun)``
    tells whether there is one; ``call`` raises SalternError for what it refuses. ``watches(module)`` tells
    whether a state module does something of its own for ``watch`` (Salt's ``mod_watch``), ``aggregates``
    whether its states can be merged. ``opts`` is what templates see as ``opts``, and has Salt's settings
    of the compiler (``options.Options`` lists them). Filters that look at the machine use ``host``.
    ``renderer(name)`` returns a renderer that the files bring themselves, which goes before one of ours.
    """

    id: str
    call: Callable[..., Any]
    grains: Mapping[str, Any] = {}
    pillar: Mapping[str, Any] = {}
    opts: Mapping[str, Any] = {}
    knows: Callable[[str], bool] = _no
    watches: Callable[[str], bool] = _yes
    aggregates: Callable[[str], bool] = _no
    host: Host | None = None
    renderer: Callable[[str], Callable[..., Any] | None] = _none
