"""Colours, where they are wanted: on a terminal, unless NO_COLOR is set."""

from __future__ import annotations

import os
from typing import IO

from saltern.model.status import Status

_CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
_OF_STATUS = {Status.OK: "green", Status.FAILED: "red", Status.REFUSED: "red", Status.LOST: "red"}


class Style:
    """Paints text, or leaves it as it is."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    @classmethod
    def for_stream(cls, stream: IO[str], colour: str = "auto") -> Style:
        """Return the style: colours on a terminal that has them, or ``always``, or ``never``."""
        if colour != "auto":
            return cls(colour == "always")
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(wanted and stream.isatty())

    def paint(self, text: str, *names: str) -> str:
        """Return ``text`` in the named colours."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def status(self, status: Status, text: str) -> str:
        """Return ``text`` in a status's colour: green, red, or yellow for who gave no answer."""
        return self.paint(text, _OF_STATUS.get(status, "yellow"))
