"""From a line of what a template put out to the line of the template that put it there."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Sequence


class Lines:
    """The lines of one rendering; worked out when first asked for.

    ``pieces`` are what was put out, ``code_lines`` the line of the compiled code for each, and
    ``debug_info`` the pairs (line of the template, first line of the code for it).
    """

    def __init__(
        self,
        pieces: Sequence[str],
        code_lines: Sequence[int],
        debug_info: Sequence[tuple[int, int]],
        source: str,
    ) -> None:
        self._pieces = pieces
        self._code_lines = code_lines
        self._debug_info = debug_info
        self._source = source

    def __call__(self, line: int) -> int:
        """Return the template's line (from 1) for a line put out."""
        found = self._lines
        return found[min(max(line, 1), len(found)) - 1]

    @functools.cached_property
    def _lines(self) -> list[int]:
        """For each line put out, where its first piece with something in it came from."""
        lines: list[int] = []
        current, blank = 1, True
        for piece, code_line in zip(self._pieces, self._code_lines, strict=True):
            start = self._template_line(code_line)
            first, *rest = piece.split("\n")
            if blank and (first.strip() or first == piece):
                current = start
                blank = not first.strip()
            for number, part in enumerate(rest, 1):
                lines.append(current)
                current = start + number if self._is_source(start + number, part) else start
                blank = not part.strip()
        lines.append(current)
        return lines

    def _template_line(self, code_line: int) -> int:
        place = bisect_right(self._firsts, code_line) - 1
        return self._debug_info[place][0] if place >= 0 else 1

    @functools.cached_property
    def _firsts(self) -> list[int]:
        return [code_line for _, code_line in self._debug_info]

    @functools.cached_property
    def _source_lines(self) -> list[str]:
        return self._source.split("\n")

    def _is_source(self, line: int, part: str) -> bool:
        """Tell whether a part is the beginning of a line of the template itself."""
        return line <= len(self._source_lines) and self._source_lines[line - 1].startswith(part)
