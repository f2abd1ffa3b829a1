"""A list of repositories as a state wants it."""

from __future__ import annotations

from typing import NamedTuple


class File(NamedTuple):
    """A file as it is to be; None: gone."""

    path: str
    text: str | None
