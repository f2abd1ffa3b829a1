"""Runs of states on many machines, folded: what is equal is shown once, under the set of its machines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from saltern.cli.output.highstate import (
    Mode,
    Results,
    highstate,
    is_highstate,
    is_plan,
    of_plan,
    states,
    summary,
)
from saltern.cli.output.printable import one_line
from saltern.cli.output.style import Style
from saltern.cli.output.words import counted

#: Parts of a command's changes that are another on every machine and say nothing.
_INCIDENTAL = frozenset({"pid"})
#: Modes that show each state; in the others, machines are alike when all that is shown of them is.
_SHOWS_ALL: tuple[Mode, ...] = ("full", "terse", "mixed")
#: What differs between two runs with the same outcome.
_TIMES = ("start_time", "duration")


class Alike:
    """Machines whose runs have come out the same, but for the time they took."""

    def __init__(self, results: Results, mode: Mode) -> None:
        self.names: list[str] = []
        self.results = results
        everything = mode in _SHOWS_ALL
        self.essences = {key: essence(one) for key, one in results.items() if everything or _tells(one)}

    @property
    def failed(self) -> int:
        """How many states have failed."""
        return sum(one["result"] is False for one in self.results.values())

    def shown(self) -> str:
        """Return the machines as a node set."""
        if len(self.names) == 1:
            return one_line(self.names[0])
        from saltern.targeting.nodeset import fold  # 30 ms that one agent's results need not wait for

        return one_line(fold(self.names))


class Gathered:
    """The runs of many machines. ``size`` is about how many bytes of distinct results it holds."""

    def __init__(self, mode: Mode) -> None:
        self.size = 0
        self._mode = mode
        self._groups: dict[bytes, Alike] = {}

    def add(self, name: str, data: bytes) -> bool:
        """Take in what a machine returned; False, and nothing is taken, when that is no run of states."""
        if b"_|-" not in data:
            return False
        found = msgspec.json.decode(data)
        if not (is_highstate(found) or is_plan(found)):
            return False
        results = of_plan(found) if is_plan(found) else found
        group = Alike(results, self._mode)
        key = hashlib.blake2b(repr((len(results), group.essences)).encode()).digest()
        if key not in self._groups:
            self._groups[key] = group
            self.size += len(data)
        self._groups[key].names.append(name)
        return True

    def drain(self) -> list[Alike]:
        """Return the groups, the largest first, and forget them."""
        groups = sorted(self._groups.values(), key=lambda group: (-len(group.names), min(group.names)))
        self._groups, self.size = {}, 0
        return groups


def _tells(one: Mapping[str, Any]) -> bool:
    """Tell whether anything is to be said of a state: it did not just find all as it should be."""
    return one["result"] is not True or bool(one.get("changes")) or bool(one.get("warnings"))


def essence(one: Mapping[str, Any]) -> bytes:
    """Return what counts of a state's result: all but when, how long, and numbers of processes."""
    changes = one.get("changes")
    if isinstance(changes, dict) and _INCIDENTAL & changes.keys():
        changes = {name: value for name, value in changes.items() if name not in _INCIDENTAL}
    told = (one["result"], changes, one.get("comment"), one.get("unknown") or "", one.get("warnings") or [])
    return msgspec.json.encode(told)


def folded(groups: list[Alike], style: Style, mode: Mode) -> Iterator[str]:
    """Yield groups as lines: the largest whole, of the others what is not as it is there."""
    if not groups:
        return
    first, *others = groups
    yield from _whole(first, style, mode)
    for group in sorted(others, key=lambda group: group.failed):
        yield ""
        yield from _against(group, first, style, mode)
    if len(first.names) > 1 or others:
        yield ""
        yield style.paint(headline(groups), "bold")


def _whole(group: Alike, style: Style, mode: Mode) -> Iterator[str]:
    if len(group.names) == 1:
        yield from highstate(group.results, group.names[0], style, mode)
        return
    results = _timeless(group.results)
    yield f"{style.paint(group.shown(), 'cyan')} ({len(group.names)}):"
    yield from states(results, style, mode)
    yield from summary(results, f"each of {group.shown()}", style)


def _against(group: Alike, first: Alike, style: Style, mode: Mode) -> Iterator[str]:
    own = {
        key: one
        for key, one in _timeless(group.results).items()
        if one["result"] is False
        or (key in group.essences and group.essences[key] != first.essences.get(key))
    }
    there = {_called(key) for key in group.results}
    missing = sum(_called(key) not in there for key in first.essences)
    same = sum(group.essences.get(key) == told for key, told in first.essences.items() if key not in own)
    words = [f"{same} as on {first.shown()}"] if same else []
    words += [f"{missing} not there"] if missing else []
    count = f" ({len(group.names)})" if len(group.names) > 1 else ""
    yield f"{style.paint(group.shown(), 'cyan')}{count}: {tally(group.results)}{_listed(words)}"
    yield from states(own, style, mode)


def _called(key: str) -> tuple[str, ...]:
    """Return what a state is, by its id: its name may be another on each machine."""
    module, id_, _, function = key.split("_|-", 3)
    return module, id_, function


def _listed(words: list[str]) -> str:
    return f"; {', '.join(words)}" if words else ""


def _timeless(results: Results) -> Results:
    return {
        key: {name: value for name, value in one.items() if name not in _TIMES}
        for key, one in results.items()
    }


def tally(results: Results) -> str:
    """Return what a run came to in words: ``12 states, 3 changes, 1 failed``."""
    ends = results.values()
    changed = sum(one["result"] is True and bool(one.get("changes")) for one in ends)
    would = sum(one["result"] is None for one in ends)
    failed = sum(one["result"] is False for one in ends)
    words = [counted(len(results), "state")]
    words += [counted(changed, "change")] if changed else []
    words += [f"{would} would change"] if would else []
    words += [f"{failed} failed"] if failed else []
    return ", ".join(words) if len(words) > 1 else f"{words[0]}, nothing to change"


def headline(groups: list[Alike]) -> str:
    """Return in one line what has come of all: how many are alike, how many differ."""
    first, *others = groups
    total = sum(len(group.names) for group in groups)
    if not others:
        return f"{counted(total, 'agent')}: all the same: {tally(first.results)}"
    agents, alike = counted(total, "agent"), len(first.names)
    if alike == 1:
        return f"{agents}: all different"
    return f"{agents}: {alike} the same ({tally(first.results)}); {total - alike} differ"
