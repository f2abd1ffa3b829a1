"""Columns that stand under each other."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from saltern.cli.output.printable import one_line
from saltern.cli.output.style import Style

_GAP = "  "


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], style: Style) -> list[str]:
    """Return the lines of a table; cells are made harmless, and coloured by what they say."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(heads, *cells, strict=True)]
    lines = [style.paint(_line(heads, widths), "bold")]
    lines += [_painted(_line(row, widths), row, style) for row in cells]
    return lines


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
    return _GAP.join(padded).rstrip()


def _painted(line: str, row: Sequence[str], style: Style) -> str:
    dim = any(cell in _DIM for cell in row)
    return style.paint(line, "dim") if dim else line


_DIM = frozenset({"offline", "rejected", "revoked", "expired", "spent"})


def _width(text: str) -> int:
    """Return how many columns ``text`` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
