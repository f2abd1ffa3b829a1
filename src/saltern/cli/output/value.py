"""Any JSON value as lines for people: scalars as they are, text as text, the rest nested by indent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.cli.output.printable import one_line, printable

_DEEPEST = 40
_INDENT = "    "


def lines(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield ``value`` as lines, without line ends. Nothing in them can steer a terminal."""
    if depth >= _DEEPEST:
        import json

        yield one_line(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict) and value:
        yield from _mapping(value, depth)
    elif isinstance(value, list) and value:
        yield from _sequence(value, depth)
    else:
        yield from _scalar(value)


def is_short(value: Any) -> bool:
    """Tell whether ``value`` is one line and may stand beside its name."""
    if isinstance(value, str):
        return "\n" not in value
    return not value or not isinstance(value, dict | list)


def _scalar(value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield str(value)
    elif value == "":
        yield '""'
    else:
        yield from printable(value).removesuffix("\n").split("\n")


def _mapping(value: dict[str, Any], depth: int) -> Iterator[str]:
    for key, item in value.items():
        name = one_line(key)
        if is_short(item):
            yield f"{name}: {next(lines(item, depth + 1))}"
        else:
            yield f"{name}:"
            yield from (_INDENT + line for line in lines(item, depth + 1))


def _sequence(value: list[Any], depth: int) -> Iterator[str]:
    for item in value:
        first, *rest = lines(item, depth + 1)
        yield f"- {first}"
        yield from ("  " + line for line in rest)
