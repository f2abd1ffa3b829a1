"""Which regular expressions Python's own engine may be trusted with: those it cannot be slow at.

Backtracking is harmless where at most one repetition can give way to what follows it, and few choices
stand before it: such a pattern looks at each character of a string a bounded number of times. Python's
engine then gives the same answers as RE2 and is several times quicker, as it is called once a string.
What is not proved here is left to RE2.
"""

from __future__ import annotations

import re
import warnings
from functools import reduce
from itertools import takewhile
from operator import or_
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_CHOICES = 16
_CHARACTERS = [chr(code) for code in range(128)] + ["é"]  # the last stands for all beyond ASCII
_ANY = (1 << len(_CHARACTERS)) - 1


class _Unproved(Exception):
    pass


def swift(text: str, *, ignore_case: bool = False) -> Callable[[str], Any] | None:
    """Return Python's test for strings that begin with a match of ``text``; None where RE2 must do it.

    ``text`` is a pattern that RE2 takes. The test gives RE2's answers, in linear time at worst.
    """
    if not text.isascii() or "[:" in text:
        return None
    flags = re.ASCII | (re.IGNORECASE if ignore_case else re.NOFLAG)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = _parser.parse(text, flags)
            _Proof().sequence(list(parsed), ends=True)
            if parsed.state.flags & re.MULTILINE:
                return None
            return re.compile(_END.sub(_at_end, text), flags).match
        except (_Unproved, re.error, OverflowError, RecursionError):
            return None


def prefix(text: str) -> str:
    """Return the plain letters that whatever ``text`` matches begins with; empty when they are not plain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = _parser.parse(text, re.ASCII)
        except (re.error, OverflowError, RecursionError):
            return ""
    if not text.isascii() or parsed.state.flags & ~re.ASCII:
        return ""
    items = [item for item in parsed if str(item[1]) != "AT_BEGINNING"]
    return "".join(chr(value) for _, value in takewhile(lambda item: str(item[0]) == "LITERAL", items))


_END = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)


def _at_end(found: re.Match[str]) -> str:
    r"""Write ``$`` as ``\Z``: in RE2 it is the very end, also after a newline."""
    return r"\Z" if found[0] == "$" else found[0]


class _Proof:
    """Counts, along the pattern, what a failure may go back to."""

    def __init__(self) -> None:
        self._choices = 1
        self._loose = False  # a repetition that may give way was seen

    def sequence(self, items: list[Any], *, ends: bool) -> None:
        """Go through items that follow each other; ``ends`` says that nothing comes after them."""
        for place, (kind, value) in enumerate(items):
            following = items[place + 1] if place + 1 < len(items) else None
            self._item(str(kind), value, following, ends=ends and following is None)

    def _item(self, kind: str, value: Any, following: Any, *, ends: bool) -> None:
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            self._repeat(value, following, ends=ends)
        elif kind == "BRANCH":
            self._choose(len(value[1]))
            for branch in value[1]:
                self.sequence(list(branch), ends=ends)
        elif kind == "SUBPATTERN":
            _, added, removed, inner = value
            if added & ~re.ASCII or removed:
                raise _Unproved
            self.sequence(list(inner), ends=ends)
        elif kind != "AT":
            _characters(kind, value)

    def _repeat(self, value: Any, following: Any, *, ends: bool) -> None:
        least, most, inner = value
        items = list(inner)
        if most == 1:
            self._choose(2)
            self.sequence(items, ends=False)
            return
        if len(items) != 1:
            raise _Unproved
        repeated = _characters(str(items[0][0]), items[0][1])
        if least == most:
            return
        if self._loose:
            raise _Unproved  # two repetitions that share characters: the square of the length
        firm = ends or (following is not None and _any_case(_first(following)) & _any_case(repeated) == 0)
        self._loose = not firm

    def _choose(self, count: int) -> None:
        self._choices *= count
        if self._choices > _MOST_CHOICES:
            raise _Unproved


def _first(item: Any) -> int:
    """Return the characters an item may begin with; all of them where that is not plain to see."""
    try:
        return _characters(str(item[0]), item[1])
    except _Unproved:
        return _ANY


def _characters(kind: str, value: Any) -> int:
    """Return the characters an item of one character may be, as a bit set."""
    match kind:
        case "LITERAL":
            return _bit(value)
        case "NOT_LITERAL":
            return _ANY & ~_bit(value)
        case "ANY":
            return _ANY
        case "RANGE":
            return reduce(or_, (_bit(code) for code in range(value[0], min(value[1], 128) + 1)), 0)
        case "CATEGORY":
            return _category(str(value))
        case "IN":
            return _class(value)
    raise _Unproved


def _any_case(characters: int) -> int:
    """Return characters with their other case too."""
    return characters | (characters & _UPPER) << 32 | (characters & _LOWER) >> 32


_UPPER = sum(1 << code for code in range(ord("A"), ord("Z") + 1))
_LOWER = _UPPER << 32


def _bit(code: int) -> int:
    return 1 << min(code, len(_CHARACTERS) - 1)


def _class(items: list[Any]) -> int:
    negated = bool(items) and str(items[0][0]) == "NEGATE"
    found = reduce(or_, (_characters(str(kind), value) for kind, value in items[negated:]), 0)
    return _ANY & ~found if negated and not found >> 128 else _ANY if negated else found


_CATEGORIES = {"DIGIT": r"\d", "WORD": r"\w"}  # of \s the engines have not quite the same idea


def _category(name: str) -> int:
    kind = name.removeprefix("CATEGORY_")
    matching = _CATEGORIES.get(kind.removeprefix("NOT_"))
    if matching is None:
        raise _Unproved
    wanted = not kind.startswith("NOT_")
    test = re.compile(matching, re.ASCII).match
    return reduce(or_, (1 << i for i, char in enumerate(_CHARACTERS) if bool(test(char)) == wanted), 0)
