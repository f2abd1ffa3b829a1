"""Finding a value deep in nested data by a path: ``pkg:apache:0``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def traverse(data: Any, path: str | int, default: Any = None, delimiter: str = ":") -> Any:
    """Return the value at ``path``, or ``default`` where nothing is.

    A step into a mapping is a key, as text or as the number or boolean it may stand for; a step into a
    list is an index, or a key of the first mapping in the list that has it.
    """
    steps = [path] if isinstance(path, int) else path.split(delimiter)
    for step in steps:
        found, data = _step(data, step)
        if not found:
            return default
    return data


def _step(data: Any, step: str | int) -> tuple[bool, Any]:
    if isinstance(data, list | tuple):
        return _into_list(data, step)
    if isinstance(data, Mapping):
        return _into_mapping(data, step)
    return False, None


def _into_mapping(data: Mapping[Any, Any], step: str | int) -> tuple[bool, Any]:
    for key in (step, _number(step), _BOOLEANS.get(str(step))):
        if key is not None and key in data:
            return True, data[key]
    return False, None


def _into_list(data: list[Any] | tuple[Any, ...], step: str | int) -> tuple[bool, Any]:
    index = _number(step)
    key = step if index is None else index
    for item in data:
        if isinstance(item, Mapping) and key in item:
            return True, item[key]
    if isinstance(index, int) and -len(data) <= index < len(data):
        return True, data[index]
    return False, None


_BOOLEANS = {"True": True, "true": True, "False": False, "false": False}


def _number(step: str | int) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(step)
        except ValueError:
            continue
    return None
