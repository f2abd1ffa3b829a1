"""How a run of states looks while it goes on, and when it has ended."""

from __future__ import annotations

import msgspec

from saltern.cli.context import Context
from saltern.cli.output.highstate import Mode
from saltern.cli.output.printable import one_line
from saltern.cli.output.states import Gathered, folded
from saltern.cli.views import Slowest, TextView, returned
from saltern.model.status import Status
from saltern.model.update import Settled, Stepped

#: Bytes of distinct results that are held back to be folded.
_HELD = 64 * 1024 * 1024


class StatesView(TextView):
    """Results of states folded by their outcome; while they run, a table of those furthest behind."""

    def __init__(
        self,
        context: Context,
        mode: Mode,
        *,
        together: bool = True,
        progress: bool = True,
        of_states: bool = False,
    ) -> None:
        """``of_states`` tells that runs of states are what comes: also large ones are read to be folded."""
        super().__init__(context, together=together, progress=progress)
        self._mode = mode
        self._of_states = of_states
        self._gathered = Gathered(mode)
        self._failed: Settled | None = None

    def stepped(self, stepped: Stepped) -> None:
        """Draw how far the runs are."""
        self._of_states = True
        self._progress.stepped = stepped
        self._progress.draw()

    def settled(self, settled: Settled) -> None:
        """Keep a run until it can be folded; what is none is shown like any other result."""
        data = self._data(settled)
        if not data or not self._gathered.add(settled.name, data):
            super().settled(settled)
            return
        if settled.status is Status.FAILED:
            self._failed = self._failed or settled
        if not self._together or self._gathered.size > _HELD:
            self._show_states()

    def _data(self, settled: Settled) -> bytes:
        if not isinstance(settled.data, msgspec.UnsetType):
            return bytes(settled.data)
        has_results = settled.size and settled.status in (Status.OK, Status.FAILED)
        if not self._of_states or not has_results:
            return b""
        return b"".join(self.context.client.pieces(returned(settled)))

    def finish(self, counts: dict[Status, int], slowest: Slowest, elapsed: float | None) -> None:
        """Show all that was gathered, then the rest and the summary."""
        self._show_states()
        super().finish(counts, slowest, elapsed)
        if self._failed is not None:
            self.context.note(f"why: saltern why {self._failed.jid} {one_line(self._failed.name)}")

    def _show_states(self) -> None:
        groups = self._gathered.drain()
        if groups:
            self._progress.clear()
            self.context.say(folded(groups, self.context.style, self._mode))
            self.context.out.flush()
