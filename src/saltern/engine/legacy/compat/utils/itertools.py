"""``salt.utils.itertools``: parts of text and files, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO


def split(orig: str, sep: str | None = None) -> Iterator[str]:
    """Give the parts of text."""
    return iter(orig.split(sep))


def read_file(fh_: IO[str], chunk_size: int = 1048576) -> Iterator[str]:
    """Give a file in pieces, and close it."""
    with fh_:
        while chunk := fh_.read(chunk_size):
            yield chunk
