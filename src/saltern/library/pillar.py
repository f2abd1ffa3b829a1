"""The data that is meant for this host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library.grains.values import merged
from saltern.sdk import Host, NotFound
from saltern.sdk.traverse import traverse

ALIASES = {"fetch": "get", "data": "items", "ext": "items"}

_ABSENT = object()


def get(host: Host, key: str, default: Any = "", merge: bool = False, delimiter: str = ":") -> Any:
    """Return the value at a path, or ``default`` where there is none.

    ``merge`` lays a mapping found upon a mapping given as ``default``, and a list found behind a list.
    An empty key returns all.

    Example:
        saltern run '*' pillar.get db:host localhost
    """
    found = traverse(host.supply.pillar, key, _ABSENT, delimiter) if key else dict(host.supply.pillar)
    if found is _ABSENT:
        return default
    if merge and isinstance(default, Mapping) and isinstance(found, Mapping):
        return merged(default, found)
    if merge and isinstance(default, list) and isinstance(found, list):
        return [*default, *(one for one in found if one not in default)]
    return found


def items(host: Host, *args: str) -> dict[str, Any]:
    """Return the whole pillar, or some keys of it.

    Example:
        saltern run '*' pillar.items
    """
    found = host.supply.pillar
    return {key: value for key, value in found.items() if not args or key in args}


def item(host: Host, *args: str, default: Any = "", delimiter: str = ":") -> dict[str, Any]:
    """Return the values at some paths, ``default`` where there is none.

    Example:
        saltern run '*' pillar.item db:host roles
    """
    return {key: traverse(host.supply.pillar, key, default, delimiter) for key in args}


def keys(host: Host, key: str, delimiter: str = ":") -> list[str]:
    """Return the keys of the mapping at a path. Raises NotFound when there is none.

    Example:
        saltern run '*' pillar.keys db
    """
    found = traverse(host.supply.pillar, key, None, delimiter)
    if not isinstance(found, Mapping):
        raise NotFound(f"there is no mapping at {key!r} in the pillar")
    return [str(name) for name in found]


def ls(host: Host) -> list[str]:
    """Return the names of the pillar's keys.

    Example:
        saltern run '*' pillar.ls
    """
    return [str(name) for name in host.supply.pillar]
