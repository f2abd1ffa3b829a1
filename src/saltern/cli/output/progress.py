"""What a terminal shows of a job that goes on: a line, and for runs of states a table below it.

Where there is no terminal, runs of states say now and then in a plain line how far they are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import IO

from saltern.cli.durations import span
from saltern.cli.output.printable import one_line
from saltern.cli.output.results import sorted_counts
from saltern.model.status import SETTLED, Status
from saltern.model.update import Step, Stepped

#: Seconds before the line appears: a quick job needs none.
_PATIENCE = 0.4
_EVERY = 0.1
_BAR = 24
_CLEAR = "\r\x1b[2K"
_UP_AND_CLEAR = "\x1b[1A\x1b[2K"
#: Agents in the table of states; fewer on a low screen.
_ROWS = 12
#: Seconds between plain lines.
_PLAIN = 10.0


class Progress:
    """Draws on ``stream`` when it is a terminal, else does nothing."""

    def __init__(
        self, stream: IO[str], *, wanted: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._active = wanted and stream.isatty()
        self._plain = wanted and not stream.isatty()
        self._clock = clock
        self._began = clock()
        self._drawn = 0  # lines that are on the screen now
        self._last = 0.0
        self.counts: dict[Status, int] = {}
        self.stepped: Stepped | None = None

    def draw(self) -> None:
        """Draw the line anew, not too often."""
        now = self._clock()
        if self._plain and self.stepped is not None:
            self._draw_plain(self.stepped, now)
        if not self._active or now - self._began < _PATIENCE or now - self._last < _EVERY:
            return
        self._last = now
        columns, rows = _size(self._stream)
        table = self._table(self.stepped, min(_ROWS, rows - 4)) if self.stepped is not None else []
        lines = [line[: columns - 1] for line in [*table, self._line(now)]]
        self._stream.write(self._erased() + "\n".join(lines))
        self._stream.flush()
        self._drawn = len(lines)

    def clear(self) -> None:
        """Take everything away, so that something else can be written."""
        if self._drawn:
            self._stream.write(self._erased())
            self._stream.flush()
            self._drawn = 0
            self._last = 0.0

    def _erased(self) -> str:
        return _CLEAR + _UP_AND_CLEAR * (self._drawn - 1)

    def _draw_plain(self, stepped: Stepped, now: float) -> None:
        if now - max(self._last, self._began) >= _PLAIN:
            self._last = now
            self._stream.write(f"{_states(stepped)}  {self._words()}  {span(now - self._began)}\n")
            self._stream.flush()

    def _table(self, stepped: Stepped, rows: int) -> list[str]:
        """Return a line for each of the agents furthest behind, and one for the sums."""
        shown = stepped.steps[: max(rows, 0)]
        width = min(max((len(step.name) for step in shown), default=0), 30)
        return [*(_row(step, width) for step in shown), _states(stepped)]

    def _line(self, now: float) -> str:
        total = sum(self.counts.values())
        done = sum(count for status, count in self.counts.items() if status in SETTLED)
        filled = _BAR * done // total if total else 0
        bar = "#" * filled + "." * (_BAR - filled)
        return f"[{bar}] {done}/{total}  {self._words()}  {span(now - self._began)}"

    def _words(self) -> str:
        counts = sorted_counts(self.counts)
        return "  ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts)


def _row(step: Step, width: int) -> str:
    """Return how far one agent is: ``web1  12/40  3 changes  file.managed motd``."""
    words = [f"{step.number}/{step.of}"]
    words += [f"{step.changed} changed"] if step.changed else []
    words += [f"{step.failed} FAILED"] if step.failed else []
    words += [one_line(step.running)] if step.running else []
    return f"  {one_line(step.name)[:width]:<{width}}  " + "  ".join(words)


def _states(stepped: Stepped) -> str:
    words = [f"states: {stepped.number:,} of {stepped.of:,}"]
    words += [f"{stepped.changed:,} changed"] if stepped.changed else []
    words += [f"{stepped.failed:,} failed"] if stepped.failed else []
    return "  ".join(words)


def _size(stream: IO[str]) -> tuple[int, int]:
    """Return how many columns and lines the terminal has."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24
