"""The live index of all agents: what a target is resolved against."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from saltern.foundation.errors import UsageError
from saltern.targeting.facts import Facts
from saltern.targeting.match import DEEPEST, Question, holds
from saltern.targeting.postings import Bits, Table, flags, union

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from saltern.targeting.expression import Fact
    from saltern.targeting.patterns import Pattern

_MANY = 50


class Member(NamedTuple):
    """One agent: ``key`` is its public key (opaque here), ``name`` the label on it."""

    key: str
    name: str


class Presence(NamedTuple):
    """Whether an agent is connected, and since when (seconds since the epoch)."""

    online: bool
    since: float


class _Order:
    """All members sorted by name, as three lists side by side."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.slots: list[int] = []
        self.keys: list[str] = []
        self._pick: Callable[[bytes], Iterable[int]] | None = None

    def add(self, slot: int, member: Member) -> None:
        """Put a member in its place."""
        place = bisect_right(self.names, member.name)
        self.names.insert(place, member.name)
        self.slots.insert(place, slot)
        self.keys.insert(place, member.key)
        self._pick = None

    def remove(self, slot: int, member: Member) -> None:
        """Take a member out; it must be in."""
        place = self.slots.index(slot, bisect_left(self.names, member.name))
        del self.names[place], self.slots[place], self.keys[place]
        self._pick = None

    def chosen(self, inside: bytes) -> list[str]:
        """Return the keys whose slot has a 1 in ``inside``, which has a byte for each slot."""
        if self._pick is None and len(self.slots) > 1:
            self._pick = itemgetter(*self.slots)
        flags = self._pick(inside) if self._pick else map(inside.__getitem__, self.slots)
        return list(compress(self.keys, flags))


class _Book:
    """One source of facts: the tree, and each agent's own data as bytes (to undo, to check, to show)."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.data: dict[int, bytes] = {}

    def get(self, slot: int) -> dict[str, Any]:
        """Return an agent's data, empty when there is none."""
        packed = self.data.get(slot)
        return _decode(packed) if packed is not None else {}

    def put(self, slot: int, new: Mapping[str, Any]) -> None:
        """Replace an agent's data: only the top-level keys that differ are indexed anew."""
        packed = _pack(new)
        if packed == self.data.get(slot):
            return
        old, now = self.get(slot), _decode(packed)
        for key, value in old.items():
            if key not in now or now[key] != value or type(now[key]) is not type(value):
                self.facts.remove(slot, key, value)
        for key, value in now.items():
            if key not in old or old[key] != value or type(old[key]) is not type(value):
                self.facts.add(slot, key, value)
        self.data[slot] = packed

    def drop(self, slot: int) -> None:
        """Forget an agent's data."""
        for key, value in self.get(slot).items():
            self.facts.remove(slot, key, value)
        self.data.pop(slot, None)


class Index:
    """Every agent's name, grains, presence and pillar. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}  # key → slot
        self._free: list[int] = []
        self._members: list[Member] = []  # slot → who
        self._all = Bits(())
        self._online = Bits(())
        self._presence: dict[int, Presence] = {}
        self._named = Table()
        self._order = _Order()
        self._grains = _Book()
        self._pillars = _Book()
        self._rendered: dict[int, float] = {}

    # What goes in

    def put(self, key: str, name: str, grains: Mapping[str, Any]) -> None:
        """Take in an agent, or what has become of its name and grains (all of them, not only the new).

        Raises UsageError, and changes nothing, for grains nested too deeply to be looked at.
        """
        _check_depth(grains)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._enter(Member(key, name))
        elif self._members[slot].name != name:
            self._unname(slot)
            self._name(slot, Member(key, name))
        self._grains.put(slot, grains)

    def remove(self, key: str) -> None:
        """Forget an agent; one that is not here is no error."""
        slot = self._slots.pop(key, None)
        if slot is None:
            return
        self._unname(slot)
        self._all.discard(slot)
        self._online.discard(slot)
        self._presence.pop(slot, None)
        self._rendered.pop(slot, None)
        self._grains.drop(slot)
        self._pillars.drop(slot)
        self._free.append(slot)

    def set_presence(self, key: str, online: bool, since: float) -> None:
        """Say that an agent is connected or not, since when (seconds since the epoch); others are ignored."""
        slot = self._slots.get(key)
        if slot is None:
            return
        self._presence[slot] = Presence(online, since)
        (self._online.add if online else self._online.discard)(slot)

    def set_pillar(self, key: str, pillar: Mapping[str, Any] | None, rendered_at: float) -> None:
        """Give an agent's pillar as rendered at a moment (seconds since the epoch); None forgets it.

        Raises UsageError, and changes nothing, for a pillar nested too deeply to be looked at.
        """
        slot = self._slots.get(key)
        if slot is None:
            return
        if pillar is None:
            self._pillars.drop(slot)
            self._rendered.pop(slot, None)
            return
        _check_depth(pillar)
        self._pillars.put(slot, pillar)
        self._rendered[slot] = rendered_at

    # What is in it

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: str) -> bool:
        return key in self._slots

    def __iter__(self) -> Iterator[Member]:
        """Go through the members by name."""
        return map(self._members.__getitem__, self._order.slots)

    def member(self, key: str) -> Member | None:
        """Return who has this key, None if nobody."""
        slot = self._slots.get(key)
        return None if slot is None else self._members[slot]

    def keys_named(self, name: str) -> list[str]:
        """Return the keys of the agents with this name (one, as a rule)."""
        posting = self._named.postings.get(name)
        return [] if posting is None else self.keys(union((posting,)))

    def grains(self, key: str) -> dict[str, Any]:
        """Return an agent's grains, empty for a key that is not here."""
        return self._grains.get(self._slots.get(key, -1))

    def pillar(self, key: str) -> dict[str, Any]:
        """Return an agent's pillar as last rendered, empty when there is none."""
        return self._pillars.get(self._slots.get(key, -1))

    def rendered_at(self, key: str) -> float | None:
        """Return when an agent's pillar was rendered (seconds since the epoch), None when it is not known."""
        return self._rendered.get(self._slots.get(key, -1))

    def presence(self, key: str) -> Presence | None:
        """Return whether an agent is connected, None when nothing was ever said of it."""
        return self._presence.get(self._slots.get(key, -1))

    # Sets of slots: one int, a bit for each

    def everyone(self) -> int:
        """Return all agents."""
        return self._all.value()

    def online(self) -> int:
        """Return the agents that are connected."""
        return self._online.value()

    def changed_since(self, moment: float) -> int:
        """Return the agents that came or went at ``moment`` (seconds since the epoch) or later."""
        return union(slot for slot, presence in self._presence.items() if presence.since >= moment)

    def named(self, names: Iterable[str]) -> int:
        """Return the agents with any of these names."""
        table = self._named.postings
        return union(table[name] for name in names if name in table)

    def with_name(self, pattern: Pattern) -> int:
        """Return the agents whose name passes. Raises TargetError for a pattern that takes too long."""
        return self.everyone() if pattern.everything else self._named.passing(pattern)

    def names(self) -> Iterable[str]:
        """Return all names, sorted."""
        return self._order.names

    def with_fact(self, fact: Fact) -> int:
        """Return the agents whose grains or pillar fit. Raises TargetError for one that takes too long."""
        book = self._grains if fact.source == "grains" else self._pillars
        found, unsure = book.facts.ask(Question(fact))
        if unsure:
            found |= union(slot for slot in slots_of(unsure) if holds(fact, book.get(slot)))
        return found

    def with_grain_text(self, grain: str, pattern: Pattern) -> int:
        """Return the agents of whose top-level grain the value, or a member of the list it is, passes."""
        node = self._grains.facts.root.keys.get(grain)
        return 0 if node is None else node.texts.passing(pattern)

    def mark(self, key: str) -> int:
        """Return the set of this one agent, the empty set for a key that is not here."""
        slot = self._slots.get(key)
        return 0 if slot is None else 1 << slot

    def keys(self, bits: int) -> list[str]:
        """Return the keys of a set, sorted by name."""
        if bits.bit_count() * _MANY < len(self):
            found = [self._members[slot] for slot in slots_of(bits)]
            return [key for key, _ in sorted(found, key=lambda member: (member.name, member.key))]
        if bits == self.everyone():
            return self._order.keys.copy()
        return self._order.chosen(flags(bits).ljust(len(self._members), b"\0"))

    def _enter(self, member: Member) -> int:
        slot = self._free.pop() if self._free else len(self._members)
        if slot == len(self._members):
            self._members.append(member)
        self._slots[member.key] = slot
        self._all.add(slot)
        self._name(slot, member)
        return slot

    def _name(self, slot: int, member: Member) -> None:
        self._members[slot] = member
        self._named.put(member.name, slot)
        self._order.add(slot, member)

    def _unname(self, slot: int) -> None:
        self._named.drop(self._members[slot].name, slot)
        self._order.remove(slot, self._members[slot])


def slots_of(bits: int) -> Iterator[int]:
    """Give the slots of a set, ascending."""
    inside = flags(bits) if bits else b""
    return compress(range(len(inside)), inside)


_decode = msgspec.msgpack.Decoder(dict[Any, Any]).decode


def _pack(data: Mapping[str, Any]) -> bytes:
    """Return data as bytes. What MessagePack has no form for is kept as its text."""
    try:
        return msgspec.msgpack.encode(data, enc_hook=str)
    except (TypeError, ValueError, OverflowError):
        return msgspec.msgpack.encode(_textual(data))


def _textual(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _textual(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_textual(member) for member in value]
    return value if isinstance(value, bool | float | None) else str(value)


def _check_depth(data: Any) -> None:
    """Raise UsageError for data with more levels than are looked at."""
    level = [data]
    for _ in range(DEEPEST):
        level = [below for value in level for below in _containers(value)]
        if not level:
            return
    raise UsageError(f"nested more than {DEEPEST} levels deep")


def _containers(value: Any) -> list[Any]:
    below = value.values() if isinstance(value, dict) else value
    return [one for one in below if isinstance(one, dict | list | tuple)]
