"""Many names in few characters: ``web[001-120],db1``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from saltern.targeting.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: More names than this in one text is taken for a mistake.
LIMIT = 1_000_000

_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_HOSTILE = re.compile(r"[^A-Za-z0-9._:-]", re.ASCII)


def fold(names: Iterable[str]) -> str:
    """Return ``names`` (each once, sorted) as one text that ``expand`` turns back into them.

    ``web1 web2 web3 db1`` gives ``db1,web[1-3]``. A name with characters that mean something in a node
    set is written in double quotes, with a backslash before ``"`` and ``\\``.
    """
    families: dict[tuple[str, str], dict[int, list[int]]] = {}
    pieces: list[tuple[tuple[str, str], str]] = []
    for name in set(names):
        if not name or _HOSTILE.search(name):
            pieces.append(((name, ""), quoted(name)))
            continue
        prefix, digits, suffix = _split(name)
        if digits and len(digits) < 18:
            families.setdefault((prefix, suffix), {}).setdefault(_width(digits), []).append(int(digits))
        else:
            pieces.append(((name, ""), name))
    for (prefix, suffix), widths in families.items():
        for width, numbers in sorted(widths.items()):
            pieces.append(((prefix, suffix), _folded(prefix, suffix, width, sorted(numbers))))
    return ",".join(text for _, text in sorted(pieces))


def expand(text: str) -> set[str]:
    """Return the names a folded text stands for. Raises TargetError where it is not one."""
    found: set[str] = set()
    for position, item in _items(text):
        found.update(_expanded(item, text, position))
        if len(found) > LIMIT:
            raise TargetError(f"more than {LIMIT:,} names", text, position)
    return found


def quoted(name: str) -> str:
    """Return ``name`` as a quoted item of a node set."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _split(name: str) -> tuple[str, str, str]:
    """Return what is before, in, and after the run of digits that is to be folded: the last of the
    first label (``web01`` of ``web01.dc2``), else the last of all."""
    head, dot, _tail = name.partition(".")
    runs = list(_DIGITS.finditer(head)) if dot else []
    run = runs[-1] if runs else None
    if run is None:
        every = list(_DIGITS.finditer(name))
        if not every:
            return name, "", ""
        run = every[-1]
    return name[: run.start()], run.group(), name[run.end() :]


def _width(digits: str) -> int:
    """Return the width numbers are padded to, 0 for plain ones (``7``, ``10``)."""
    return len(digits) if digits[0] == "0" and len(digits) > 1 else 0


def _folded(prefix: str, suffix: str, width: int, numbers: list[int]) -> str:
    """Return one family of names; ``numbers`` is sorted and holds each once."""
    spans = [
        f"{first:0{width}d}" if first == last else f"{first:0{width}d}-{last:0{width}d}"
        for first, last in _spans(numbers)
    ]
    if len(numbers) == 1:
        return f"{prefix}{spans[0]}{suffix}"
    return f"{prefix}[{','.join(spans)}]{suffix}"


def _spans(numbers: list[int]) -> Iterator[tuple[int, int]]:
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


_ITEM = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,"\[\]]*(?:\[[0-9,\-]+\][^\s,"\[\]]*)*', re.DOTALL)
_SPAN = re.compile(r"([0-9]+)(?:-([0-9]+))?", re.ASCII)
_GROUP = re.compile(r"\[([0-9,\-]+)\]")


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Split at the commas that are not in brackets or quotes; gives each item with its place."""
    position = 0
    while position < len(text):
        match = _ITEM.match(text, position)
        if match is None or not match.group():
            raise TargetError("a name was expected here", text, position)
        yield position, match.group()
        position = match.end()
        if position < len(text):
            if text[position] != ",":
                raise TargetError("a comma was expected here", text, position)
            position += 1


def _expanded(item: str, text: str, position: int) -> list[str]:
    if item.startswith('"'):
        return [re.sub(r"\\(.)", r"\1", item[1:-1], flags=re.DOTALL)]
    pieces = _GROUP.split(item)
    names = [pieces[0]]
    for numbers, literal in zip(pieces[1::2], pieces[2::2], strict=True):
        choices = _numbers(numbers, text, position)
        if len(names) * len(choices) > LIMIT:
            raise TargetError(f"more than {LIMIT:,} names", text, position)
        names = [f"{name}{choice}{literal}" for name in names for choice in choices]
    return names


def _numbers(spans: str, text: str, position: int) -> list[str]:
    """Return the numbers of ``001-003,7`` as written: padded to the width of the first of each span."""
    numbers: list[str] = []
    for span in spans.split(","):
        match = _SPAN.fullmatch(span)
        if match is None:
            raise TargetError(f"{span!r} is no number or span of numbers", text, position)
        first, last = match.group(1), match.group(2) or match.group(1)
        if int(last) - int(first) >= LIMIT or int(last) < int(first):
            raise TargetError(f"{span!r} runs backwards or too far", text, position)
        width = _width(first)
        numbers += [f"{number:0{width}d}" for number in range(int(first), int(last) + 1)]
    return numbers
