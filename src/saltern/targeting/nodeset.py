"""Many names in few characters: ``web[001-120],db1``."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from saltern.targeting.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: More names than this in one text is taken for a mistake.
LIMIT = 1_000_000

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", re.ASCII)
_LAST_NUMBER = re.compile(r"(.*?)([0-9]{1,15})([^0-9]*)", re.ASCII | re.DOTALL)
_SPAN = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15}))?", re.ASCII)
_GROUP = re.compile(r"\[([0-9][0-9,\-]*)\]", re.ASCII)
_WIDE_GROUP = re.compile(r"\[(?=[0-9\-]*,|[0-9]+-[0-9]{2}|[0-9]{2,}-)[0-9][0-9,\-]*\]", re.ASCII)
_ITEM = re.compile(
    r"""\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<folded>[^\s,"\[\]]*(?:\[[0-9][0-9,\-]*\][^\s,"\[\]]*)*))\s*""",
    re.DOTALL,
)


def fold(names: Iterable[str]) -> str:
    """Return ``names`` (each once, sorted) as one text, which ``expand`` undoes.

    ``web1 web2 web3 db1`` gives ``db1,web[1-3]``. The text is a valid target of the kinds list and range.
    A name with characters that mean something there is written in double quotes.
    """
    families: dict[tuple[str, str], list[str]] = {}
    pieces: list[str] = []
    for name in set(names):
        plain = item(name)
        if plain is name and (number := _number(name)):
            families.setdefault((number[0], number[2]), []).append(number[1])
        else:
            pieces.append(plain)
    pieces += [_folded(prefix, numbers, suffix) for (prefix, suffix), numbers in families.items()]
    return ",".join(sorted(pieces))


def expand(text: str) -> set[str]:
    """Return the names a folded text stands for. Raises TargetError where it is not one."""
    return set(listed(text)) if text else set()


def listed(text: str) -> list[str]:
    """Return the names a folded text stands for, in the order written. May raise TargetError."""
    names: list[str] = []
    for position, item, literal in _items(text):
        if literal:
            names.append(re.sub(r"\\(.)", r"\1", item, flags=re.DOTALL))
        else:
            names += _expanded(item, text, position, LIMIT - len(names))
    return names


def is_folded(text: str) -> bool:
    """Tell whether a text holds brackets that can only be a node set's, and no wildcard."""
    if not has_span(text) or "*" in text or "?" in text:
        return False
    return re.fullmatch(r"[^\[\]\s]*(?:\[[0-9][0-9,\-]*\][^\[\]\s]*)*", text, re.ASCII) is not None


def has_span(text: str) -> re.Match[str] | None:
    """Find brackets with a comma or a span of numbers of two digits: no glob, though ``[12]`` is one."""
    return _WIDE_GROUP.search(text)


def quoted(name: str) -> str:
    """Return ``name`` as a quoted item of a node set."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def item(name: str) -> str:
    """Return ``name`` as an item of a node set, quoted where it must be."""
    return name if _PLAIN.fullmatch(name) and ".." not in name else quoted(name)


def _number(name: str) -> tuple[str, str, str] | None:
    """Return what is before, in, and after the number that is to be folded, None if the name has none.

    It is the last of the first label (of ``web2-01.dc3`` it is 01), else the last of all.
    """
    head, dot, tail = name.partition(".")
    match = _LAST_NUMBER.fullmatch(head)
    if match:
        return match[1], match[2], match[3] + dot + tail
    match = _LAST_NUMBER.fullmatch(name)
    return (match[1], match[2], match[3]) if match else None


def _folded(prefix: str, numbers: list[str], suffix: str) -> str:
    """Return one family of names, whose numbers are given as written, each once."""
    if len(numbers) == 1:
        return f"{prefix}{numbers[0]}{suffix}"
    padded = {len(number) for number in numbers if number[0] == "0"} - {1}
    by_width: dict[int, list[int]] = {}
    for number in numbers:
        by_width.setdefault(len(number) if len(number) in padded else 0, []).append(int(number))
    spans = [
        f"{first:0{width}d}" if first == last else f"{first:0{width}d}-{last:0{width}d}"
        for width, values in sorted(by_width.items())
        for first, last in _spans(sorted(values))
    ]
    return f"{prefix}[{','.join(spans)}]{suffix}"


def _spans(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Give the runs of neighbours in ``numbers``, which is sorted and holds each once."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _items(text: str) -> Iterator[tuple[int, str, bool]]:
    """Give each item with its place, and whether it was quoted."""
    position = 0
    while position <= len(text):
        match = _ITEM.match(text, position)
        item = match and (match["quoted"] if match["quoted"] is not None else match["folded"])
        if match is None or (
            not item and match["quoted"] is None and match.end() < len(text) and text[match.end()] != ","
        ):
            raise TargetError("a name was expected here", text, position, hint=_HINT)
        if item or match["quoted"] is not None:
            yield (
                match.start() + len(match.group()) - len(match.group().lstrip()),
                item or "",
                match["quoted"] is not None,
            )
        position = match.end()
        if position < len(text) and text[position] != ",":
            raise TargetError("a comma was expected here", text, position, hint=_HINT)
        position += 1


_HINT = "write names with commas between them, numbers as in web[01-20], odd names in double quotes"


def _expanded(item: str, text: str, position: int, room: int) -> list[str]:
    """Return the names of one item, at most ``room``."""
    pieces = _GROUP.split(item)
    literals, groups = pieces[0::2], [_numbers(group, text, position) for group in pieces[1::2]]
    count = 1
    for group in groups:
        count *= len(group)
    if count > room:
        raise TargetError(f"more than {LIMIT:,} names", text, position)
    if not groups:
        return [item]
    return ["".join(_woven(literals, chosen)) for chosen in product(*groups)]


def _woven(literals: list[str], chosen: tuple[str, ...]) -> Iterator[str]:
    yield literals[0]
    for number, literal in zip(chosen, literals[1:], strict=True):
        yield number
        yield literal


def _numbers(spans: str, text: str, position: int) -> list[str]:
    """Return the numbers of ``001-003,7`` as written: padded to the width of the first of each span."""
    numbers: list[str] = []
    for span in spans.split(","):
        match = _SPAN.fullmatch(span)
        if match is None:
            raise TargetError(f"{span!r} is no number and no span of numbers", text, position, hint=_HINT)
        first, last = match[1], match[2] or match[1]
        if int(last) < int(first):
            raise TargetError(f"{span} runs backwards", text, position)
        if int(last) - int(first) >= LIMIT - len(numbers):
            raise TargetError(f"more than {LIMIT:,} names", text, position)
        width = len(first) if first[0] == "0" else 0
        numbers += [f"{number:0{width}d}" for number in range(int(first), int(last) + 1)]
    return numbers
