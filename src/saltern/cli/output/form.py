"""How a value is to look."""

from __future__ import annotations

from typing import NamedTuple

from saltern.cli.output.style import Style


class Format(NamedTuple):
    """How a value is to look. ``indent`` None: as the outputter likes it; less than 0: on one line."""

    style: Style = Style(False)
    indent: int | None = None
    state_output: str = "full"
