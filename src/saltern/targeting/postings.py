"""Sets of slots, each in the form that is small for its size.

A slot is an agent's place in the index, a small number. A posting is one slot (``int``), a few
(``set``), or many (``Bits``). Answers are plain ints used as bit sets: bit *n* is slot *n*.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from saltern.targeting.patterns import Pattern

_FEW = 256


class Bits:
    """Many slots: a bit array that is changed in place, and read as an int that is kept until it changes."""

    __slots__ = ("array", "count", "read")

    def __init__(self, slots: Iterable[int]) -> None:
        self.array = bytearray()
        self.count = 0
        self.read: int | None = None
        for slot in slots:
            self.add(slot)

    def add(self, slot: int) -> None:
        """Put a slot in; one that is in already changes nothing."""
        byte, mask = slot >> 3, 1 << (slot & 7)
        if byte >= len(self.array):
            self.array.extend(bytes(byte + 1 - len(self.array) + len(self.array) // 8))
        if not self.array[byte] & mask:
            self.array[byte] |= mask
            self.count += 1
            self.read = None

    def discard(self, slot: int) -> None:
        """Take a slot out; one that is not in changes nothing."""
        byte, mask = slot >> 3, 1 << (slot & 7)
        if byte < len(self.array) and self.array[byte] & mask:
            self.array[byte] ^= mask
            self.count -= 1
            self.read = None

    def value(self) -> int:
        """Return the slots as an int."""
        if self.read is None:
            self.read = int.from_bytes(self.array, "little")
        return self.read


Posting = int | set[int] | Bits


def put(table: dict[str, Posting], key: str, slot: int) -> None:
    """Add ``slot`` to the posting of ``key``."""
    have = table.get(key)
    if have is None:
        table[key] = slot
    elif isinstance(have, Bits):
        have.add(slot)
    elif isinstance(have, set):
        have.add(slot)
        if len(have) > _FEW:
            table[key] = Bits(have)
    elif have != slot:
        table[key] = {have, slot}


def drop(table: dict[str, Posting], key: str, slot: int) -> None:
    """Take ``slot`` out of the posting of ``key``; an empty posting leaves the table."""
    have = table.get(key)
    if isinstance(have, Bits):
        have.discard(slot)
        if not have.count:
            del table[key]
    elif isinstance(have, set):
        have.discard(slot)
        if not have:
            del table[key]
    elif have == slot:
        del table[key]


class Table:
    """Who has which text. Texts are sorted when first asked by how they begin, and kept so from then on."""

    __slots__ = ("_sorted", "postings")

    def __init__(self) -> None:
        self.postings: dict[str, Posting] = {}
        self._sorted: list[str] | None = None

    def put(self, text: str, slot: int) -> None:
        """Note that ``slot`` has ``text``."""
        if self._sorted is not None and text not in self.postings:
            insort(self._sorted, text)
        put(self.postings, text, slot)

    def drop(self, text: str, slot: int) -> None:
        """Note that ``slot`` has ``text`` no more."""
        drop(self.postings, text, slot)
        if self._sorted is not None and text not in self.postings:
            place = bisect_left(self._sorted, text)
            if self._sorted[place : place + 1] == [text]:
                del self._sorted[place]

    def passing(self, pattern: Pattern) -> int:
        """Return who has a text that passes. Raises TargetError for a pattern that takes too long."""
        if pattern.literal is not None:
            return union((self.postings[pattern.literal],)) if pattern.literal in self.postings else 0
        texts = self._beginning(pattern.prefix) if pattern.prefix else self.postings
        return union(map(self.postings.__getitem__, texts if pattern.only_prefix else pattern.filter(texts)))

    def _beginning(self, prefix: str) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self.postings)
        first = bisect_left(self._sorted, prefix)
        last = bisect_right(self._sorted, prefix, lo=first, key=lambda text: text[: len(prefix)])
        return self._sorted[first:last]


def union(postings: Iterable[Posting]) -> int:
    """Return all slots of several postings as one int."""
    listed = list(postings)
    single = [posting for posting in listed if isinstance(posting, int)]
    total = 0
    if len(single) < len(listed):
        for posting in listed:
            if isinstance(posting, Bits):
                total |= posting.value()
            elif isinstance(posting, set):
                single.extend(posting)
    return total | bits_of(single)


def bits_of(slots: Sequence[int]) -> int:
    """Return slots as one int."""
    if len(slots) < 8:
        total = 0
        for slot in slots:
            total |= 1 << slot
        return total
    digits = bytearray(b"0") * (max(slots) + 1)
    one = ord("1")
    for slot in slots:
        digits[slot] = one
    digits.reverse()
    return int(digits, 2)


_FLAGS = bytes.maketrans(b"01", b"\0\1")


def flags(bits: int) -> bytes:
    """Return one byte for each slot from 0 up to the last in ``bits``: 1 if it is in, else 0."""
    return bin(bits)[:1:-1].encode().translate(_FLAGS)
