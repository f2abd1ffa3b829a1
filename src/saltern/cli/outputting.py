"""``--out`` and what goes with it: options, where text goes, and the view of a job through an outputter."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from saltern.cli.output.outputters import Format, outputter, rendered
from saltern.cli.output.printable import one_line
from saltern.cli.output.results import summary
from saltern.cli.output.style import Style
from saltern.cli.views import Slowest, View, returned
from saltern.model.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from saltern.cli.context import Context
    from saltern.model.update import Settled


def add_options(group: argparse._ActionsContainer) -> None:
    """Declare ``--out`` and its companions, for results of many agents."""
    add_format(
        group,
        "text (the default: equal results once), json (as --json), nested, yaml, table, csv, txt, raw …",
    )
    group.add_argument("--static", action="store_true", help="all results at the end, as one value")
    group.add_argument("--summary", action="store_true", help="say at the end who did not end ok, by name")


def add_format(group: argparse._ActionsContainer, names: str) -> None:
    """Declare ``--out`` and where it goes."""
    group.add_argument(
        "--out",
        "--output",
        dest="out",
        default="text",
        metavar="NAME",
        help=names,
    )
    group.add_argument("--out-indent", type=int, metavar="N", help="spaces of a level; below 0: on one line")
    group.add_argument("--out-file", metavar="FILE", help="write results there, mode 0600")
    group.add_argument("--out-file-append", action="store_true", help="add to that file")


def chosen_format(options: argparse.Namespace, style: Style) -> Format:
    """Return how values are to look."""
    return Format(style, options.out_indent, getattr(options, "state_output", "full"))


def redirect(context: Context, options: argparse.Namespace) -> None:
    """Let data go to ``--out-file`` from here on, if there is one. Raises OSError."""
    if options.out_file is None:
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_APPEND if options.out_file_append else os.O_TRUNC)
    descriptor = os.open(Path(options.out_file), flags, 0o600)
    context.out = os.fdopen(descriptor, "w", encoding="utf-8")
    context.style = Style(False)
    context.__dict__.pop("on_terminal", None)


class OutputView(View):
    """Each result, or all at the end, through an outputter."""

    def __init__(self, context: Context, options: argparse.Namespace) -> None:
        super().__init__(context)
        outputter(options.out)  # what is misspelt is told before anything is done
        self._name = options.out
        self._format = chosen_format(options, context.style)
        self._static = options.static
        self._all: dict[str, Any] = {}

    def settled(self, settled: Settled) -> None:
        """Write the result, or keep it for the end."""
        value = {settled.name: self._value(settled)}
        if self._static:
            self._all |= value
        else:
            self._write(value)

    def finish(self, counts: dict[Status, int], slowest: Slowest, elapsed: float | None) -> None:
        """Write what was kept, and the summary."""
        if self._static:
            self._write(dict(sorted(self._all.items())))
        text = summary(counts, slowest, elapsed)
        self.note(self.context.err_style.paint(text, "dim"))

    def _write(self, value: dict[str, Any]) -> None:
        terminal = self.context.on_terminal
        self.context.out.write(rendered(self._name, value, self._format, terminal=terminal))
        self.context.out.flush()

    def _value(self, settled: Settled) -> Any:
        """Return what an agent returned; where it returned nothing, a text that says why."""
        if not isinstance(settled.data, msgspec.UnsetType):
            value = msgspec.json.decode(settled.data)
            if value not in (None, "") or settled.status is Status.OK:
                return value
        elif settled.size:
            return msgspec.json.decode(b"".join(self.context.client.pieces(returned(settled))))
        why = settled.reason or str((settled.error or {}).get("message", ""))
        word = settled.status.replace("_", " ")
        return f"{word}: {why}" if why else word


class Named(View):
    """Another view, and at the end the names of those that did not end ok (``--summary``)."""

    def __init__(self, inner: View) -> None:
        super().__init__(inner.context)
        self._inner = inner
        self._names: dict[Status, set[str]] = {}
        self.tally, self.output, self.idle = inner.tally, inner.output, inner.idle  # type: ignore[method-assign]

    def settled(self, settled: Settled) -> None:
        """Note who it is."""
        for names in self._names.values():
            names.discard(settled.name)
        self._names.setdefault(settled.status, set()).add(settled.name)
        self._inner.settled(settled)

    def finish(self, counts: dict[Status, int], slowest: Slowest, elapsed: float | None) -> None:
        """Show names under each status but ok."""
        from saltern.targeting.nodeset import fold

        self._inner.finish(counts, slowest, elapsed)
        for status, names in sorted(self._names.items()):
            if status is not Status.OK and names:
                word = self.context.err_style.status(status, status.replace("_", " "))
                self.note(f"  {word}: {one_line(fold(sorted(names)))}")


@contextmanager
def paged(context: Context, *, wanted: bool = True) -> Iterator[None]:
    """Show what is written inside a page at a time, when a person would not see it all at once."""
    if not wanted or not context.on_terminal or not sys.stdin.isatty():
        yield
        return
    import io

    terminal, context.out = context.out, io.StringIO()
    try:
        yield
    finally:
        text, context.out = context.out.getvalue(), terminal
        if text:
            _show(text, terminal)


def _show(text: str, terminal: IO[str]) -> None:
    import shlex
    import subprocess

    size = shutil.get_terminal_size()
    command = shlex.split(os.environ.get("SALTERN_PAGER") or os.environ.get("PAGER") or "less")
    taken = sum(1 + len(line) // max(1, size.columns) for line in text.split("\n"))
    if taken <= size.lines or not command or shutil.which(command[0]) is None:
        terminal.write(text)
        return
    environment = {"LESS": "FRX"} | os.environ
    subprocess.run(command, input=text.encode(), env=environment, check=False)
