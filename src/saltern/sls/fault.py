"""What is wrong with a tree: where in the source, the lines around it, and what to do."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import ClassVar

import msgspec

from saltern.foundation.errors import SalternError

#: Lines shown before and after the one at fault.
_AROUND = 2
_LONGEST = 160


class Place(msgspec.Struct, frozen=True):
    """A place in a file. ``path`` is as people know it; lines and columns count from 1, 0 is unknown."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.path, *(str(number) for number in (self.line, self.column) if number)]
        return ":".join(parts)


NOWHERE = Place("")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. ``where`` is the place in the source template, ``also`` further places.

    ``excerpt`` is the source around the place, ``rendered`` the line that the template made of it; both
    may be empty.
    """

    message: str
    where: Place = NOWHERE
    hint: str = ""
    also: tuple[Place, ...] = ()
    excerpt: str = ""
    rendered: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where.path else self.message
        lines = [head]
        if self.excerpt:
            lines.append(self.excerpt)
        if self.rendered:
            lines.append(f"  rendered as: {self.rendered}")
        lines += [f"  also: {place}" for place in self.also]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class SlsError(SalternError):
    """A tree can't be compiled; ``faults`` are all the reasons that were found."""

    code: ClassVar[str] = "sls"

    def __init__(self, faults: Sequence[Fault]) -> None:
        if not faults:
            raise ValueError("an SlsError needs a fault")
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def fail(message: str, where: Place = NOWHERE, *, hint: str = "", also: Sequence[Place] = ()) -> SlsError:
    """Return the error of a single fault."""
    return SlsError([Fault(message=message, where=where, hint=hint, also=tuple(also))])


def excerpt(text: str, line: int, column: int = 0) -> str:
    """Return the lines of ``text`` around ``line`` (from 1), numbered, with a mark at the one meant."""
    lines = _split(text)
    if not 1 <= line <= len(lines):
        return ""
    first, last = max(1, line - _AROUND), min(len(lines), line + _AROUND)
    shown = []
    for number in range(first, last + 1):
        mark = ">" if number == line else " "
        shown.append(f"  {mark} {number:4} | {printable(lines[number - 1])}".rstrip())
        if number == line and column:
            shown.append(f"         | {' ' * (min(column, _LONGEST) - 1)}^")
    return "\n".join(shown)


@functools.lru_cache(8)
def _split(text: str) -> list[str]:
    """Return the lines of a text; a thousand faults of one file split it once."""
    return text.splitlines()


def printable(line: str) -> str:
    """Return a line as it can be shown anywhere: no control characters, not too long."""
    clean = "".join(char if char.isprintable() or char == "\t" else "�" for char in line)
    clean = clean.replace("\t", " ")
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"
