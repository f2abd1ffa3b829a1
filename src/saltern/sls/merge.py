"""Merging high data: ``extend``, requisites written at the other end, ``use``, ``exclude``."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from saltern.sls.fault import Place
from saltern.sls.high import REQUISITES, REVERSED, Entry, High, Item
from saltern.sls.names import is_glob, matching

#: What ``use`` does not hand on.
_NOT_USED = frozenset({*REVERSED, "use", "use_in", "require", "watch", "prereq", "onfail", "onfail_stop"}) | {
    "onchanges",
    "name",
    "names",
}


class Target(NamedTuple):
    """One state of one id."""

    entry: Entry
    module: str


class Directory:
    """Where an id, a name or an SLS is found in high data."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        """Take the entries by id; they may change afterwards, ids and names may not."""
        self._entries = entries
        self._by_name: dict[tuple[str, str], list[Target]] | None = None

    def of_sls(self, sls: str) -> list[Target]:
        """Return every state that an SLS (or a glob) declares."""
        fits: Callable[[str], bool] = sls.__eq__
        if is_glob(sls):
            fits = lambda name: fnmatch.fnmatchcase(name, sls)  # noqa: E731
        return [
            Target(entry, module)
            for entry in self._entries.values()
            if fits(entry.sls)
            for module in entry.states
        ]

    def named(self, module: str, name: str) -> list[Target]:
        """Return the states of a module with an id, else with a ``name:``, else those that a glob fits."""
        entry = self._entries.get(name)
        if entry is not None and module in entry.states:
            return [Target(entry, module)]
        found = self._names.get((module, name), [])
        if found or not is_glob(name):
            return found
        ids = matching((id for id, one in self._entries.items() if module in one.states), name)
        return [Target(self._entries[id], module) for id in ids]

    def anywhere(self, name: str) -> list[Target]:
        """Return the first state of an id, or every state with that ``name:``, whatever the module."""
        entry = self._entries.get(name)
        if entry is not None:
            return [Target(entry, module) for module in list(entry.states)[:1]]
        return [target for (_, one), targets in self._names.items() if one == name for target in targets]

    @property
    def _names(self) -> dict[tuple[str, str], list[Target]]:
        if self._by_name is None:
            self._by_name = {}
            for entry in self._entries.values():
                for module in entry.states:
                    for key, value in entry.arguments(module):
                        if key == "name" and isinstance(value, str):
                            self._by_name.setdefault((module, value), []).append(Target(entry, module))
        return self._by_name


# --- extend ------------------------------------------------------------------------------------------


def extend(high: High) -> None:
    """Lay the extensions over what they extend."""
    excluded = {one.name for one in high.exclusions if one.kind == "sls"}
    directory = Directory(high.entries)
    for extension in high.extensions:
        if extension.sls not in excluded:
            _extend_one(high, directory, extension)
    high.extensions = []


def _extend_one(high: High, directory: Directory, extension: Entry) -> None:
    if not extension.states:
        return
    target = high.entries.get(extension.id)
    if target is None:
        found = directory.named(next(iter(extension.states)), extension.id)
        if len(found) != 1:
            _cannot_extend(high, extension, found)
            return
        target = found[0].entry
    for module, items in extension.states.items():
        own = target.states.get(module)
        target.states[module] = list(items) if own is None else overlaid(own, items)


def _cannot_extend(high: High, extension: Entry, found: list[Target]) -> None:
    if found:
        message = f"{extension.id!r} can't be extended: {len(found)} ids have that name"
        hint = "extend one of them by its id"
    else:
        message = f"ID {extension.id!r} can't be extended: it is not part of this run"
        hint = high.near(extension.id, high.entries) or "is the SLS that declares it included?"
    also = tuple(target.entry.where for target in found)
    high.fault(message, extension.where, hint=hint, also=also)


def overlaid(own: list[Item], over: Iterable[Item]) -> list[Item]:
    """Return items with others laid over: a function or an argument replaces its like, requisites add up."""
    result = list(own)
    for item in over:
        places = [place for place, other in enumerate(result) if _is_like(item, other)]
        for place in places:
            result[place] = _laid(item, result[place])
        if not places:
            result.append(item)
    return result


def _is_like(item: Item, other: Item) -> bool:
    return item.key == other.key or (item.key == "name" and other.key == "names")


def _laid(item: Item, other: Item) -> Item:
    if item.key not in REQUISITES or isinstance(item.value, str) or isinstance(other.value, str):
        return item
    own, more = other.value[item.key], item.value[item.key]
    if not isinstance(own, list) or not isinstance(more, list):
        return item
    return Item({**other.value, item.key: [*own, *more]}, other.place)


# --- requisites at the other end, and use ------------------------------------------------------------


class _Addition(NamedTuple):
    """A requisite to add to a state: ``kind`` on ``reference``."""

    target: Target
    kind: str
    reference: dict[str, str]
    place: Place


def turn_round(high: High, *, disabled: Iterable[str] = ()) -> None:
    """Write every ``require_in`` and its like where it belongs, and hand on what ``use`` asks for."""
    turner = _Turner(high, frozenset(disabled))
    turner.read()
    turner.write()


class _Turner:
    def __init__(self, high: High, disabled: frozenset[str]) -> None:
        self._high = high
        self._disabled = disabled
        self._directory = Directory(high.entries)
        self._additions: list[_Addition] = []
        self._used: list[tuple[Target, list[Item]]] = []

    def read(self) -> None:
        """Find all that is to be added; nothing is changed yet."""
        for entry in self._high.entries.values():
            for module, items in entry.states.items():
                for item in items:
                    self._item(Target(entry, module), item)

    def _item(self, source: Target, item: Item) -> None:
        key = item.key
        if key is None or (key not in REVERSED and key not in ("use", "use_in")) or key in self._disabled:
            return
        assert isinstance(item.value, dict)
        for module, name in self._references(source, key, item):
            for target in self._found(source, key, module, name, item.place):
                self._add(source, key, target, item.place)

    def _references(self, source: Target, key: str, item: Item) -> Iterator[tuple[str | None, str]]:
        """Give each (module, name) that is written; the module is None for a lone name."""
        written = item.value[key]  # type: ignore[index]  # an item with a key is a mapping
        parts = [written] if isinstance(written, dict | str) else written
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, str):
                yield None, part
            elif isinstance(part, dict) and all(
                isinstance(one, str) for pair in part.items() for one in pair
            ):
                yield from part.items()
            else:
                hint = f"write it as '- {key}:' with a list of '- module: id'"
                self._fault(f"{part!r} is no requisite", source, key, item.place, hint)

    def _found(self, source: Target, key: str, module: str | None, name: str, place: Place) -> list[Target]:
        if module is None or module == "id":
            found = self._directory.anywhere(name)
        elif module == "sls":
            found = self._directory.of_sls(name)
        elif "." in module:
            hint = f"did you mean {module.split('.')[0]!r}?"
            self._fault(f"the module {module!r} has a dot in it", source, key, place, hint)
            return []
        else:
            found = self._directory.named(module, name)
        if not found and not (module == "sls" and name in self._high.rendered):
            asked = f"{module}: {name}" if module else name
            hint = self._high.near(name, self._high.entries) or "is the SLS that declares it included?"
            self._fault(f"{asked!r} is not part of this run", source, key, place, hint)
        return found

    def _fault(self, message: str, source: Target, key: str, place: Place, hint: str) -> None:
        self._high.fault(f"{key} of ID {source.entry.id!r}: {message}", place, hint=hint)

    def _add(self, source: Target, key: str, target: Target, place: Place) -> None:
        if key == "use":
            self._used.append((source, _handed_on(target, source)))
        elif key == "use_in":
            self._used.append((target, _handed_on(source, target)))
        else:
            reference = {source.module: source.entry.id}
            self._additions.append(_Addition(target, REVERSED[key], reference, place))

    def write(self) -> None:
        """Add what was found."""
        for target, items in self._used:
            target.entry.states[target.module] = overlaid(target.entry.states[target.module], items)
        grouped: dict[tuple[str, str, str], list[_Addition]] = {}
        for one in self._additions:
            grouped.setdefault((one.target.entry.id, one.target.module, one.kind), []).append(one)
        for additions in grouped.values():
            target, kind, _, place = additions[0]
            references: list[Any] = [one.reference for one in additions]
            item = Item({kind: references}, place)
            target.entry.states[target.module] = overlaid(target.entry.states[target.module], [item])


def _handed_on(giver: Target, taker: Target) -> list[Item]:
    """Return the arguments that one state takes from another: those that it does not have itself."""
    own = {key for key, _ in taker.entry.arguments(taker.module)}
    return [
        item
        for item in giver.entry.states[giver.module]
        if not isinstance(item.value, str) and len(item.value) == 1 and item.key not in own | _NOT_USED
    ]


# --- exclude -----------------------------------------------------------------------------------------


def exclude(high: High) -> None:
    """Take out what is excluded."""
    patterns = [one.name for one in high.exclusions if one.kind == "sls"]
    ids = {one.name for one in high.exclusions if one.kind == "id"}
    for id, entry in list(high.entries.items()):
        if id in ids or any(fnmatch.fnmatchcase(entry.sls, pattern) for pattern in patterns):
            del high.entries[id]
    high.exclusions = []
