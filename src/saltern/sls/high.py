"""High data: what SLS declare, each part with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from saltern.foundation.errors import nearest
from saltern.sls.fault import Fault, Place

#: Faults of one tree for which near words are looked for, and how much such words differ in length.
_HINTED = 20
_APART = 4
#: Requisites as written: what a chunk waits for.
REQUISITES = frozenset(
    {
        "onfail",
        "onfail_any",
        "onfail_all",
        "onfail_stop",
        "require",
        "require_any",
        "onchanges",
        "onchanges_any",
        "watch",
        "watch_any",
        "prereq",
        "prerequired",
        "listen",
    }
)
#: Requisites written at the other end, and what they become there.
REVERSED = {
    "require_in": "require",
    "watch_in": "watch",
    "onfail_in": "onfail",
    "onchanges_in": "onchanges",
    "prereq_in": "prereq",
    "listen_in": "listen",
}
#: Requisites that must hold a list.
LISTS = REQUISITES - {"onfail_stop", "prerequired"}


class Item(NamedTuple):
    """One member of a state's list: the name of a function, or a mapping of arguments (one, as a rule)."""

    value: str | dict[str, Any]
    place: Place

    @property
    def key(self) -> str | None:
        """The first argument's name; None for a function."""
        return None if isinstance(self.value, str) else next(iter(self.value), None)


class Entry(msgspec.Struct, kw_only=True):
    """One id: its states by module. ``included_from`` are the SLS that brought it in, the nearest first."""

    id: str
    sls: str
    saltenv: str
    where: Place
    states: dict[str, list[Item]]
    included_from: list[str] = []

    def arguments(self, module: str) -> Iterator[tuple[str, Any]]:
        """Give each argument of a state that stands alone in its mapping, with its value."""
        for item in self.states.get(module, ()):
            if not isinstance(item.value, str) and len(item.value) == 1:
                yield next(iter(item.value.items()))

    def shown(self) -> dict[str, Any]:
        """Return this in the shape of Salt's high data."""
        data: dict[str, Any] = {
            module: [plain(item.value) for item in items] for module, items in self.states.items()
        }
        data |= {"__sls__": self.sls, "__env__": self.saltenv}
        if self.included_from:
            data["__sls_included_from__"] = list(self.included_from)
        return data


class Exclusion(NamedTuple):
    """What is left out again: an ``id``, or an ``sls`` (a glob)."""

    kind: str
    name: str
    place: Place


class High(msgspec.Struct, kw_only=True):
    """The high data of a run as it comes together."""

    entries: dict[str, Entry] = {}
    extensions: list[Entry] = []
    exclusions: list[Exclusion] = []
    #: Every SLS that was rendered, those that declare nothing too.
    rendered: set[str] = set()
    #: The sources that were read, by the path that messages show.
    texts: dict[str, str] = {}
    faults: list[Fault] = []

    def fault(self, message: str, where: Place, *, hint: str = "", also: tuple[Place, ...] = ()) -> None:
        """Note something wrong; the rest is looked at all the same."""
        self.faults.append(Fault(message=message, where=where, hint=hint, also=also))

    def near(self, word: str, known: Iterable[str]) -> str:
        """Return a hint that proposes the nearest known word; not for the hundredth fault of a tree."""
        if len(self.faults) > _HINTED:
            return ""
        return nearest(word, (one for one in known if abs(len(one) - len(word)) <= _APART))

    def shown(self) -> dict[str, Any]:
        """Return this in the shape of Salt's high data."""
        return {id: entry.shown() for id, entry in self.entries.items()}


def plain(value: Any) -> Any:
    """Return a copy that shares nothing with the original: plain mappings and lists."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
