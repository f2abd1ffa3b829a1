"""Sets of slots, each in the form that is small for its size.

A slot is an agent's place in the index, a small number. A posting is one slot (``int``), a few
(``set``), or many (``Bits``). Answers are plain ints used as bit sets: bit *n* is slot *n*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def union(postings: Iterable[Posting]) -> int:
    """Return all slots of several postings as one int."""
    total = 0
    single: list[int] = []
    for posting in postings:
        if isinstance(posting, int):
            single.append(posting)
        elif isinstance(posting, set):
            single.extend(posting)
        else:
            total |= posting.value()
    return total | bits_of(single)


def bits_of(slots: Iterable[int]) -> int:
    """Return slots as one int."""
    listed = list(slots)
    if len(listed) < 8:
        total = 0
        for slot in listed:
            total |= 1 << slot
        return total
    digits = bytearray(b"0") * (max(listed) + 1)
    one = ord("1")
    for slot in listed:
        digits[slot] = one
    digits.reverse()
    return int(digits, 2)


_FLAGS = bytes.maketrans(b"01", b"\0\1")


def flags(bits: int) -> bytes:
    """Return one byte for each slot from 0 up to the last in ``bits``: 1 if it is in, else 0."""
    return bin(bits)[:1:-1].encode().translate(_FLAGS)
