"""Outputters: a value in, lines out. One door for built-in ones and plug-ins.

A plug-in's entry point in the group ``saltern.output`` is an ``Outputter``; its name is what ``--out`` takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from saltern.cli.output.form import Format
from saltern.cli.output.printable import printable
from saltern.foundation.errors import UsageError, nearest

__all__ = ["OUTPUTTERS", "Format", "Outputter", "outputter", "rendered"]

GROUP = "saltern.output"


class Outputter(NamedTuple):
    """``render`` takes a value, usually agents' names with what each returned, and yields lines.

    An ``exact`` one writes data for programs, word for word; what could steer a terminal is taken out when
    that is where it goes. The others see to it themselves, since they may paint.
    """

    render: Callable[[Any, Format], Iterable[str]]
    exact: bool = False


#: The built-in ones: the function in ``formats`` that renders, and whether it is exact.
OUTPUTTERS: dict[str, bool] = {
    "csv": True,
    "highstate": False,
    "json": True,
    "key": False,
    "nested": False,
    "newline_values_only": True,
    "no_return": False,
    "pprint": True,
    "profile": False,
    "quiet": False,
    "raw": True,
    "table": False,
    "txt": False,
    "yaml": True,
}


def outputter(name: str) -> Outputter:
    """Return an outputter by its name. Raises UsageError when there is none."""
    if name in OUTPUTTERS:
        from saltern.cli.output import formats

        return Outputter(getattr(formats, f"{name}_lines"), OUTPUTTERS[name])
    import importlib.metadata

    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    if name not in points:
        known = ["text", *sorted({*OUTPUTTERS, *points})]
        raise UsageError(
            f"--out cannot be {name!r}", hint=nearest(name, known) or f"known: {', '.join(known)}"
        )
    found = points[name].load()
    if not isinstance(found, Outputter):
        raise UsageError(f"the outputter {name!r} is {found!r}, not an Outputter")
    return found


def rendered(name: str, value: Any, chosen: Format, *, terminal: bool) -> str:
    """Return ``value`` as text that ends with a newline, or is empty. Raises UsageError."""
    found = outputter(name)
    text = "".join(line + "\n" for line in found.render(value, chosen))
    return printable(text) if found.exact and terminal else text
