"""Defaults of formulas: data beside their SLS, and ways to merge it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from saltern.library import _formats
from saltern.sdk import BadArgument, Host
from saltern.sdk.merge import over
from saltern.sdk.traverse import traverse

_FILES = {"defaults.yaml": "yaml", "defaults.json": "json"}


def get(host: Host, key: str, default: Any = "") -> Any:
    """Return a value of a formula's defaults: ``formula:path``; ``default`` where there is none.

    They are in ``defaults.yaml`` or ``defaults.json`` in the formula's directory of the file roots.

    Example:
        saltern run '*' defaults.get core:users:root
    """
    formula, _, path = key.partition(":")
    found = _loaded(host, formula)
    return traverse(found, path, default) if path else found or default


def _loaded(host: Host, formula: str) -> Any:
    for name, kind in _FILES.items():
        where = f"salt://{formula.replace('.', '/')}/{name}"
        found = host.supply.file(where)
        if found is not None:
            try:
                return _formats.deserialized(found.decode(errors="replace"), kind)
            except BadArgument as error:
                raise BadArgument(error.message, where=where) from None
    return None


def merge(
    host: Host,
    dest: Any,
    src: Any,
    merge_lists: bool = False,
    in_place: bool = True,
    convert_none: bool = True,
) -> Any:
    """Return ``dest`` with ``src`` laid upon it: mappings in both are merged.

    ``merge_lists`` puts lists together; nothing (null) counts as an empty mapping unless ``convert_none`` is
    off. With ``in_place``, as in Salt, ``dest`` itself is changed, which a template sees.

    Example:
        saltern run '*' defaults.merge '{a: b}' '{d: e}'
    """
    made = over(_mapping(dest, convert_none and not in_place), _mapping(src, convert_none), lists=merge_lists)
    return _put(dest, made) if in_place else made


def update(
    host: Host,
    dest: Any,
    defaults: Any,
    merge_lists: bool = True,
    in_place: bool = True,
    convert_none: bool = True,
) -> Any:
    """Lay each of the mappings in ``dest`` upon ``defaults``, and return ``dest``; see ``merge``.

    Example:
        saltern run '*' defaults.update '{web1: {port: 80}, web2: {}}' '{port: 8080, user: web}'
    """
    under = _mapping(defaults, convert_none)
    made = {
        name: over(under, _mapping(one, convert_none), lists=merge_lists)
        for name, one in _mapping(dest, convert_none and not in_place).items()
    }
    return _put(dest, made) if in_place else made


def deepcopy(host: Host, source: Any) -> Any:
    """Return a copy of data that shares nothing with it.

    Example:
        saltern run '*' defaults.deepcopy '{a: [1]}'
    """
    return copy.deepcopy(source)


def _mapping(value: Any, convert: bool) -> Mapping[Any, Any]:
    if value is None and convert:
        return {}
    if not isinstance(value, Mapping):
        raise BadArgument(f"this takes mappings, not a {type(value).__name__}")
    return value


def _put(dest: Any, made: dict[Any, Any]) -> Any:
    """Make a mapping what was made of it, and return it."""
    dest.clear()
    dest.update(made)
    return dest
