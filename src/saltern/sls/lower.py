"""From high data to chunks: one for each state, or for each of its ``names``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from saltern.sls import globals as global_arguments
from saltern.sls.fault import Place
from saltern.sls.high import LISTS, Entry, High, Item, plain
from saltern.sls.low import NO_GLOBALS, Globals


class Draft(msgspec.Struct, kw_only=True):
    """A chunk whose requisites are not resolved. ``number`` is its place among the ``names``, from 1."""

    low: dict[str, Any]
    entry: Entry
    lines: dict[str, int]
    globals: Globals = NO_GLOBALS
    order: Any = None
    number: int = 0

    @property
    def module(self) -> str:
        """The state's module."""
        module: str = self.low["state"]
        return module

    @property
    def name(self) -> str:
        """What the state works on."""
        name: str = self.low["name"]
        return name

    @property
    def tag(self) -> str:
        """The key of the chunk in a highstate's return."""
        low = self.low
        return f"{low['state']}_|-{low['__id__']}_|-{low['name']}_|-{low['fun']}"

    def place(self, argument: str = "") -> Place:
        """Return where an argument is written, or else the id."""
        line = self.lines.get(argument, 0)
        return Place(self.entry.where.path, line) if line else self.entry.where


def lower(high: High, *, watches: Callable[[str], bool]) -> list[Draft]:
    """Return the drafts in the order of the high data; what can't be lowered is among its faults.

    A module that does nothing of its own for ``watch`` has ``require`` instead.
    """
    drafts: list[Draft] = []
    tags: dict[str, Draft] = {}
    for entry in high.entries.values():
        for module, items in entry.states.items():
            for draft in _Lowering(high, entry, module, items).drafts():
                _require_for_watch(draft, watches)
                if _is_new(high, tags, draft):
                    drafts.append(draft)
    return drafts


def _is_new(high: High, tags: dict[str, Draft], draft: Draft) -> bool:
    other = tags.setdefault(draft.tag, draft)
    if other is not draft:
        high.fault(
            f"ID {draft.entry.id!r} has {draft.module} with the name {draft.name!r} twice",
            draft.place("names"),
        )
    return other is draft


def _require_for_watch(draft: Draft, watches: Callable[[str], bool]) -> None:
    for watch, require in (("watch", "require"), ("watch_any", "require_any")):
        if watch in draft.low and not watches(draft.module):
            more = draft.low.pop(watch)
            draft.low[require] = [*draft.low.get(require, []), *more]
            draft.lines.setdefault(require, draft.lines.get(watch, 0))


class _Lowering:
    """One state of one id."""

    def __init__(self, high: High, entry: Entry, module: str, items: list[Item]) -> None:
        self._high = high
        self._entry = entry
        self._module = module
        self._items = items
        self._names: list[Any] = []
        self._lines: dict[str, int] = {}

    def drafts(self) -> Iterator[Draft]:
        """Give the drafts of this state."""
        functions = [item.value for item in self._items if isinstance(item.value, str)]
        if len(functions) != 1:
            return  # verify has said so
        low = self._common()
        for item in self._items:
            if not isinstance(item.value, str):
                self._take(low, item)
        if not self._names:
            yield self._draft({**low, "fun": functions[0]}, 0)
        for number, name in enumerate(self._names, 1):
            named = self._named(low, name)
            if named is not None:
                yield self._draft({**named, "fun": functions[0]}, number)

    def _common(self) -> dict[str, Any]:
        entry = self._entry
        low: dict[str, Any] = {
            "state": self._module,
            "name": entry.id,
            "__sls__": entry.sls,
            "__env__": entry.saltenv,
        }
        if entry.included_from:
            low["__sls_included_from__"] = list(entry.included_from)
        low["__id__"] = entry.id
        return low

    def _take(self, low: dict[str, Any], item: Item) -> None:
        """Add arguments. One given twice has its last value; requisites add up."""
        assert isinstance(item.value, dict)
        for key, value in item.value.items():
            if item.place.path == self._entry.where.path:
                self._lines[key] = item.place.line
            if key == "names":
                for name in value if isinstance(value, list) else ():
                    if name not in self._names:
                        self._names.append(name)
            elif key == "name":
                self._rename(low, value, item.place)
            elif key in LISTS and isinstance(low.get(key), list) and isinstance(value, list):
                low[key] = [*low[key], *plain(value)]
            elif key != "state":
                low[key] = plain(value)

    def _rename(self, low: dict[str, Any], name: Any, place: Place) -> None:
        """Set the name; one that is empty leaves the id."""
        if isinstance(name, str):
            low["name"] = name
        elif name is not None:
            hint = f"put it in quotes: '{name}'"
            self._high.fault(f"ID {self._entry.id!r}: the name {name!r} is not text", place, hint=hint)

    def _named(self, low: dict[str, Any], written: Any) -> dict[str, Any] | None:
        """Return the arguments for one of ``names``, its own laid over the common ones."""
        over: Any = []
        if isinstance(written, dict) and len(written) == 1:
            written, over = next(iter(written.items()))
        own = over if isinstance(over, list) else [over]
        if not isinstance(written, str) or not all(isinstance(one, dict) for one in own):
            hint = "a name is text (in quotes if need be), or 'name:' with a list of arguments"
            place = Place(self._entry.where.path, self._lines.get("names", self._entry.where.line))
            self._high.fault(f"ID {self._entry.id!r}: {written!r} can't be a name", place, hint=hint)
            return None
        named = {key: plain(value) for key, value in low.items()}
        named["name"] = written
        for one in own:
            named.update({key: plain(value) for key, value in one.items()})
        return named

    def _draft(self, low: dict[str, Any], number: int) -> Draft:
        values, errors = global_arguments.read(low)
        draft = Draft(
            low=low,
            entry=self._entry,
            lines=self._lines,
            globals=values,
            order=low.get("order"),
            number=number,
        )
        for error in errors:
            self._high.fault(
                f"ID {self._entry.id!r}: {error.name}: {error}",
                draft.place(error.name),
            )
        self._check_order(draft)
        return draft

    def _check_order(self, draft: Draft) -> None:
        order = draft.order
        if order is None or order in ("first", "last"):
            return
        if isinstance(order, bool) or not isinstance(order, int | float):
            hint = "an order is a number, 'first' or 'last'"
            self._high.fault(f"ID {self._entry.id!r}: {order!r} is no order", draft.place("order"), hint=hint)
            draft.order = None
