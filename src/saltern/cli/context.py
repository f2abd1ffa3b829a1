"""What every command has: where things are, where to write, and the way to the controller."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Iterable
from typing import IO

import msgspec

from saltern.cli.client import Client
from saltern.cli.output.printable import harmless_json
from saltern.cli.output.style import Style
from saltern.foundation.layout import Layout


class Context:
    """One run of the command. Data goes to ``out``, all else to ``err``."""

    def __init__(
        self,
        layout: Layout,
        *,
        json: bool = False,
        colour: str = "auto",
        out: IO[str] | None = None,
        err: IO[str] | None = None,
    ) -> None:
        self.layout = layout
        self.json = json
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.style = Style.for_stream(self.out, colour)
        self.err_style = Style.for_stream(self.err, colour)

    @functools.cached_property
    def client(self) -> Client:
        """The way to the controller."""
        return Client(self.layout.socket)

    @functools.cached_property
    def on_terminal(self) -> bool:
        """Whether a person reads the data as it is."""
        return self.out.isatty()

    def now(self) -> float:
        """Return wall-clock time: seconds since the epoch."""
        return time.time()

    def say(self, lines: Iterable[str]) -> None:
        """Write lines of data."""
        self.out.write("".join(line + "\n" for line in lines))

    def note(self, text: str) -> None:
        """Tell the person something that is not data."""
        self.out.flush()
        self.err.write(text + "\n")
        self.err.flush()

    def emit(self, value: object) -> None:
        """Write a value as one line of JSON."""
        text = msgspec.json.encode(value).decode()
        self.out.write((harmless_json(text) if self.on_terminal else text) + "\n")
