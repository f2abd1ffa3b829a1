"""How a job looks while it goes on: as text for people, or as JSON lines for programs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from saltern.cli.client import quoted
from saltern.cli.context import Context
from saltern.cli.output.printable import one_line, printable
from saltern.cli.output.progress import Progress
from saltern.cli.output.results import LONGEST, Folder, shown, summary
from saltern.model.status import Status
from saltern.model.update import Noted, Output, Settled, Stepped

Slowest = tuple[float, str] | None

#: On a terminal, results are shown folded at the latest so many seconds after the last ones.
_WINDOW = 3.0
#: Bytes of results that are held back to be folded.
_HELD = 8 * 1024 * 1024


class View:
    """Shows one job; a base that shows nothing."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def tally(self, counts: dict[Status, int]) -> None:
        """Take how many targets have each status now."""

    def settled(self, settled: Settled) -> None:
        """Take a result."""

    def output(self, output: Output) -> None:
        """Take output of a running function: complete lines go to stderr, each with the agent's name."""

    def stepped(self, stepped: Stepped) -> None:
        """Take how far runs of states are."""

    def noted(self, noted: Noted) -> None:
        """Take what a roll-out has decided."""
        self.note(printable(noted.text))

    def idle(self) -> None:
        """Use the time while nothing comes."""

    def note(self, text: str) -> None:
        """Tell the person something."""
        self.context.note(text)

    def finish(self, counts: dict[Status, int], slowest: Slowest, elapsed: float | None) -> None:
        """Show the rest; the job has ended."""


class JsonView(View):
    """Each result as one line, whole: what was too large for the stream is read for it."""

    def settled(self, settled: Settled) -> None:
        """Write a result at once."""
        if not (settled.data is msgspec.UNSET and settled.size):
            self.context.emit(settled)
            return
        head = msgspec.json.encode(settled).decode()
        self.context.out.write(head[:-1] + ',"data":')
        for piece in _decoded(self.context.client.pieces(returned(settled))):
            self.context.out.write(piece)
        self.context.out.write("}\n")


class TextView(View):
    """Results folded (or one by one), a progress line, and a summary."""

    def __init__(self, context: Context, *, together: bool = True, progress: bool = True) -> None:
        super().__init__(context)
        self._together = together
        self._folder = Folder(together=together)
        self._progress = Progress(context.err, wanted=progress)
        self._flushed = time.monotonic()
        self._partial: dict[tuple[str, str], str] = {}

    def tally(self, counts: dict[Status, int]) -> None:
        """Move the bar."""
        self._progress.counts = counts
        self._progress.draw()

    def settled(self, settled: Settled) -> None:
        """Hold a result until it can be folded, not too long."""
        self._folder.add(settled)
        if not self._together or self._folder.size > _HELD:
            self._flush()

    def output(self, output: Output) -> None:
        """Write complete lines, each with the agent's name."""
        key = (output.key, output.stream)
        *whole, self._partial[key] = (self._partial.get(key, "") + output.data).split("\n")
        if len(self._partial[key]) > LONGEST:
            whole.append(self._partial.pop(key))
        if whole:
            self._progress.clear()
            name = self.context.err_style.paint(one_line(output.name), "cyan")
            self.context.note("\n".join(f"{name} | {printable(line)}" for line in whole))

    def idle(self) -> None:
        """Draw the bar; on a terminal, show what has waited long enough."""
        if self.context.on_terminal and time.monotonic() - self._flushed > _WINDOW:
            self._flush()
        self._progress.draw()

    def note(self, text: str) -> None:
        """Tell the person something, beside the bar."""
        self._progress.clear()
        super().note(text)

    def finish(self, counts: dict[Status, int], slowest: Slowest, elapsed: float | None) -> None:
        """Show the rest and the summary."""
        self._flush()
        self._progress.clear()
        text = summary(counts, slowest, elapsed)
        self.context.note(self.context.err_style.paint(text, "dim"))

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        groups = self._folder.drain()
        if not groups:
            return
        self._progress.clear()
        context = self.context
        longest = LONGEST if context.on_terminal else None
        for group in groups:
            context.say(shown(group, context.style, self._fetch, longest))
        context.out.flush()

    def _fetch(self, settled: Settled) -> bytes | None:
        """Read large data for a pipe; a terminal is told where it is."""
        if self.context.on_terminal:
            return None
        return b"".join(self.context.client.pieces(returned(settled)))


def returned(settled: Settled) -> str:
    """Return the path of a result's data."""
    return f"/v1/jobs/{settled.jid}/returns/{quoted(settled.key)}"


def _decoded(pieces: Iterator[bytes]) -> Iterator[str]:
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in pieces:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)
