"""One line on a terminal that says how far a job is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import IO

from saltern.cli.durations import span
from saltern.cli.output.results import sorted_counts
from saltern.model.status import SETTLED, Status

#: Seconds before the line appears: a quick job needs none.
_PATIENCE = 0.4
_EVERY = 0.1
_BAR = 24
_CLEAR = "\r\x1b[2K"


class Progress:
    """Draws on ``stream`` when it is a terminal, else does nothing."""

    def __init__(
        self, stream: IO[str], *, wanted: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._active = wanted and stream.isatty()
        self._clock = clock
        self._began = clock()
        self._drawn = False
        self._last = 0.0
        self.counts: dict[Status, int] = {}

    def draw(self) -> None:
        """Draw the line anew, not too often."""
        now = self._clock()
        if not self._active or now - self._began < _PATIENCE or now - self._last < _EVERY:
            return
        self._last = now
        self._drawn = True
        self._stream.write(_CLEAR + self._line(now)[: _columns(self._stream) - 1])
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away, so that something else can be written."""
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._drawn = False
            self._last = 0.0

    def _line(self, now: float) -> str:
        total = sum(self.counts.values())
        done = sum(count for status, count in self.counts.items() if status in SETTLED)
        filled = _BAR * done // total if total else 0
        words = "  ".join(
            f"{count} {status.replace('_', ' ')}" for status, count in sorted_counts(self.counts)
        )
        return f"[{'#' * filled}{'.' * (_BAR - filled)}] {done}/{total}  {words}  {span(now - self._began)}"


def _columns(stream: IO[str]) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
