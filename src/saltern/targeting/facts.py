"""All agents' grains (or pillars) as one tree, so that a question is asked once, not once per agent.

The tree has the keys that any agent's data has; each node knows which agents have it, and which have
which text there. Its answers are those of ``match.holds`` for each agent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltern.targeting.match import DEEPEST, Question, text_of
from saltern.targeting.postings import Posting, Table, drop, put, union

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HERE = "here"  # who has this key
_BARE = "bare"  # who has this key and no text here
_LIST = "list"  # who has a list here
_MAPPING = "mapping"  # who has a mapping among a list's members


class Node:
    """One place in the data: what agents have there."""

    __slots__ = ("items", "keys", "present", "texts")

    def __init__(self) -> None:
        self.keys: dict[str, Node] = {}  # below a mapping
        self.items: Node | None = None  # the mappings among a list's members, merged
        self.texts = Table()  # a scalar, or a list's members
        self.present: dict[str, Posting] = {}

    def who(self, what: str) -> int:
        """Return the agents of which ``what`` is so here."""
        return union((self.present[what],)) if what in self.present else 0


class Facts:
    """The tree of one source of facts."""

    def __init__(self) -> None:
        self.root = Node()

    def add(self, slot: int, key: str, value: Any) -> None:
        """Take in one top-level key of an agent."""
        _add(self.root, key, value, slot, 0)

    def remove(self, slot: int, key: str, value: Any) -> None:
        """Undo ``add`` with the same arguments."""
        _remove(self.root, key, value, slot, 0)

    def ask(self, question: Question) -> tuple[int, int]:
        """Return (who fits, who else must be asked one by one).

        The second are agents with a list where the path has a number: places in lists are not indexed.
        """
        search = _Search(question)
        found = search.below(self.root, 0)
        return found, search.unsure & ~found


def _add(parent: Node, key: str, value: Any, slot: int, depth: int) -> None:
    node = parent.keys.get(key)
    if node is None:
        node = parent.keys[key] = Node()
    put(node.present, _HERE, slot)
    if isinstance(value, dict):
        put(node.present, _BARE, slot)
        _add_mapping(node, value, slot, depth)
    elif isinstance(value, list | tuple):
        put(node.present, _LIST, slot)
        if not value:
            put(node.present, _BARE, slot)
        _add_members(node, value, slot, depth)
    else:
        node.texts.put(text_of(value), slot)


def _add_members(node: Node, members: Sequence[Any], slot: int, depth: int) -> None:
    for member in members:
        node.texts.put(text_of(member), slot)
        if isinstance(member, dict):
            node.items = node.items or Node()
            put(node.items.present, _MAPPING, slot)
            _add_mapping(node.items, member, slot, depth)


def _add_mapping(node: Node, value: Mapping[Any, Any], slot: int, depth: int) -> None:
    if depth < DEEPEST:
        for key, below in value.items():
            _add(node, str(key), below, slot, depth + 1)


def _remove(parent: Node, key: str, value: Any, slot: int, depth: int) -> None:
    node = parent.keys.get(key)
    if node is None:
        return
    if isinstance(value, dict):
        _remove_mapping(node, value, slot, depth)
    elif isinstance(value, list | tuple):
        _remove_members(node, value, slot, depth)
    else:
        node.texts.drop(text_of(value), slot)
    for what in (_HERE, _BARE, _LIST):
        drop(node.present, what, slot)
    if not node.present:
        del parent.keys[key]


def _remove_members(node: Node, members: Sequence[Any], slot: int, depth: int) -> None:
    for member in members:
        node.texts.drop(text_of(member), slot)
        if isinstance(member, dict) and node.items is not None:
            drop(node.items.present, _MAPPING, slot)
            _remove_mapping(node.items, member, slot, depth)
            if not node.items.present:
                node.items = None


def _remove_mapping(node: Node, value: Mapping[Any, Any], slot: int, depth: int) -> None:
    if depth < DEEPEST:
        for key, below in value.items():
            _remove(node, str(key), below, slot, depth + 1)


class _Search:
    """``match._Matcher`` over the tree: the same steps, each for all agents at once."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.unsure = 0
        self._known: dict[tuple[int, int, str], int] = {}

    def below(self, node: Node, start: int) -> int:
        """Return whom any cut of the path from ``start`` into keys and pattern fits."""
        mark = (id(node), start, "below")
        if mark not in self._known:
            self._known[mark] = 0
            self._known[mark] = self._below(node, start)
        return self._known[mark]

    def _below(self, node: Node, start: int) -> int:
        found = 0
        for cut in range(self.question.end - 1, start, -1):
            if cut == start + 1 and self.question.parts[start] == "*":
                found |= self.mapping(node, start)
            else:
                for reached in self._reached(node, start, cut):
                    found |= self.value(reached, cut)
        return found

    def _reached(self, node: Node, start: int, cut: int) -> Iterator[Node]:
        if start == cut:
            yield node
            return
        part = self.question.parts[start]
        if node.present and part.lstrip("-").isdigit():
            self.unsure |= node.who(_LIST)
        for holder in (node, node.items):
            if holder is not None and part in holder.keys:
                yield from self._reached(holder.keys[part], start + 1, cut)

    def value(self, node: Node, start: int) -> int:
        """Return whose value here fits the rest of the path."""
        mark = (id(node), start, "value")
        if mark not in self._known:
            found = self.texts(node, start) | self.mapping(node, start)
            self._known[mark] = found if node.items is None else found | self.mapping(node.items, start)
        return self._known[mark]

    def texts(self, node: Node, start: int) -> int:
        """Return whose text here fits the rest of the path."""
        pattern = self.question.pattern(start)
        if pattern.everything:
            return node.who(_HERE) & ~node.who(_BARE)
        return node.texts.passing(pattern)

    def mapping(self, node: Node, start: int) -> int:
        """Return whose mapping here has a key that fits, or something below one."""
        mark = (id(node), start, "mapping")
        if mark not in self._known:
            self._known[mark] = 0
            self._known[mark] = self._mapping(node, start)
        return self._known[mark]

    def _mapping(self, node: Node, start: int) -> int:
        wild = self.question.wild(start)
        start += wild
        if self.question.any_key(start):
            return self._with_key(node)
        fits = self.question.fits_key
        found = 0
        for key, child in node.keys.items():
            if fits(key, start):
                found |= child.who(_HERE)
            if wild:
                found |= self.texts(child, start) | self.mapping(child, start)
        return found | self.below(node, start)

    def _with_key(self, node: Node) -> int:
        """Return who has any key here."""
        found = node.who(_MAPPING)
        for child in node.keys.values():
            found |= child.who(_HERE)
        return found
