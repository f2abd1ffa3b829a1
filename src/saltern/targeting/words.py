"""A compound target cut into words: at spaces, at parentheses that belong to no word, and not in quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from saltern.targeting.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = re.compile(
    r"""\s+|"(?:[^"\\]|\\.)*"(?=[\s()]|\Z)|'(?:[^'\\]|\\.)*'(?=[\s()]|\Z)|\(|\)|[^\s]+""", re.DOTALL
)
_ESCAPE = re.compile(r"""\\(["'\\])""")
_NEEDS_QUOTES = re.compile(r"""[\s()"']""")


class Word(msgspec.Struct, frozen=True):
    """A word and where it stands; ``quoted`` ones are never operators."""

    text: str
    position: int
    quoted: bool = False


def split(text: str) -> list[Word]:
    """Return the words of ``text``. Raises TargetError for a quote that is never closed."""
    words: list[Word] = []
    for match in _PIECE.finditer(text):
        words += _words(match.group(), match.start(), text)
    return words


def _words(piece: str, position: int, text: str) -> Iterator[Word]:
    if piece.isspace():
        return
    if piece[0] in "\"'":
        if len(piece) < 2 or piece[-1] != piece[0]:
            raise TargetError("this quote is never closed", text, position)
        yield Word(_ESCAPE.sub(r"\1", piece[1:-1]), position + 1, quoted=True)
        return
    if piece in "()":
        yield Word(piece, position)
        return
    closing = _closing(piece)
    core = piece[: len(piece) - closing]
    yield Word(core, position)
    for place in range(closing):
        yield Word(")", position + len(core) + place)


def _closing(piece: str) -> int:
    """Return how many parentheses at the end of ``piece`` close none that it opened."""
    surplus = piece.count(")") - piece.count("(")
    at_end = len(piece) - len(piece.rstrip(")"))
    if piece[: len(piece) - at_end].endswith("\\"):
        at_end -= 1
    return max(0, min(surplus, at_end))


def quote(word: str) -> str:
    """Return ``word`` so that ``split`` gives it back as one term."""
    if word and not _NEEDS_QUOTES.search(word) and word not in ("and", "or", "not"):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
