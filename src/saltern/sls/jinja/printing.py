"""How values look where a template prints them: mappings and lists as YAML can read them."""

from __future__ import annotations

import json
from typing import Any

_CONTAINERS = (dict, list, tuple, set)


def printable(value: Any) -> Any:
    """Return what is printed for a value: a container with mappings in it as YAML reads them."""
    return _shown(value) if isinstance(value, _CONTAINERS) else value


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return _Mapping({key: _shown(one) for key, one in value.items()})
    if isinstance(value, list | tuple) and any(isinstance(one, _CONTAINERS) for one in value):
        shown = [_shown(one) for one in value]
        return shown if isinstance(value, list) else tuple(shown)
    return value


class _Mapping(dict[Any, Any]):
    """A mapping whose text is YAML: no class names, and escapes that YAML knows."""

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {_value(value, str)}" for key, value in self.items()) + "}"

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {_value(value, repr)}" for key, value in self.items()) + "}"


def _value(value: Any, other: Any) -> str:
    if not isinstance(value, str):
        return str(other(value))
    if any(char in value for char in "\n\r\t"):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
