"""What agents returned, folded: equal results once, under the set of those who gave them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from saltern.cli.durations import span
from saltern.cli.output.printable import one_line, printable
from saltern.cli.output.style import Style
from saltern.cli.output.value import is_short, lines
from saltern.cli.output.words import counted
from saltern.model.job import Target
from saltern.model.status import Status
from saltern.model.update import Settled

#: Characters of one result that a terminal gets.
LONGEST = 64 * 1024
_INDENT = "    "
_ORDER = (Status.OK, Status.CANCELLED, Status.TIMED_OUT, Status.REFUSED, Status.FAILED)

#: Returns the JSON of a result that was too large for its line, or None to leave it where it is.
Fetch = Callable[[Settled], bytes | None]


class Group:
    """Results that are equal, byte for byte."""

    __slots__ = ("names", "sample")

    def __init__(self, sample: Settled) -> None:
        self.sample = sample
        self.names: list[str] = []


class Folder:
    """Gathers results. ``size`` is the bytes of distinct data it holds."""

    def __init__(self, *, together: bool = True) -> None:
        self.size = 0
        self._together = together
        self._groups: dict[object, Group] = {}

    def add(self, settled: Settled) -> None:
        """Put a result with its equals."""
        key = _sameness(settled) if self._together else settled.key
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(settled)
            self.size += settled.size
        group.names.append(settled.name)

    def drain(self) -> list[Group]:
        """Return the groups and forget them; what went wrong comes last, where it is seen."""
        groups = sorted(self._groups.values(), key=_place)
        self._groups = {}
        self.size = 0
        return groups


def _sameness(settled: Settled) -> object:
    if settled.data is msgspec.UNSET and settled.size:
        return settled.key  # too large to be compared here
    data = b"" if isinstance(settled.data, msgspec.UnsetType) else bytes(settled.data)
    error = repr(settled.error) if settled.error else ""
    return (settled.status, settled.retcode, settled.reason, data, error)


def _place(group: Group) -> tuple[int, str]:
    status = group.sample.status
    return (_ORDER.index(status) if status in _ORDER else 2, min(group.names))


def standing(target: Target) -> Settled:
    """Return a target that has not settled in the form of one that has, to be shown with the others."""
    return Settled(
        jid=target.jid, key=target.key, name=target.name, status=target.status, reason=target.reason
    )


def shown(group: Group, style: Style, fetch: Fetch, longest: int | None = None) -> Iterator[str]:
    """Yield a group as lines; ``longest`` is how many characters of it a terminal gets."""
    settled = group.sample
    data, there = _data(settled, fetch)
    head = style.status(settled.status, _names(group)) + ":"
    word = _verdict(settled, style)
    body = list(lines(data)) if there else list(_elsewhere(settled))
    if there and not word and is_short(data) and len(body[0]) <= (longest or len(body[0])):
        yield f"{head} {body[0]}"
        return
    yield f"{head} {word}".rstrip()
    if word and data in ("", None):
        body = []
    body += _error(settled, style)
    body += [style.paint(f"files: {_trees(settled)}", "dim")] if settled.snapshot else []
    yield from (_INDENT + line for line in _cut(body, longest, settled))


def _trees(settled: Settled) -> str:
    """Return the trees of files a run used: the beginning of each hash, and the revision."""
    trees = {name: one_line(text).split(" ", 1) for name, text in settled.snapshot.items()}
    return ", ".join(" ".join([one_line(name), tree[0][:12], *tree[1:]]) for name, tree in trees.items())


def _names(group: Group) -> str:
    if len(group.names) == 1:
        return one_line(group.names[0])
    from saltern.targeting.nodeset import fold  # 30 ms that one agent's answer need not wait for

    return f"{one_line(fold(group.names))} ({len(group.names)})"


def _data(settled: Settled, fetch: Fetch) -> tuple[Any, bool]:
    """Return the data and whether there is any to show."""
    if not isinstance(settled.data, msgspec.UnsetType):
        return msgspec.json.decode(settled.data), True
    fetched = fetch(settled) if settled.size else None
    return (msgspec.json.decode(fetched), True) if fetched is not None else (None, False)


def _verdict(settled: Settled, style: Style) -> str:
    """Return what stands beside the names when it is not the data itself."""
    if settled.status is Status.OK:
        return "" if settled.size or settled.data is not msgspec.UNSET else "ok"
    word = settled.status.replace("_", " ")
    if settled.status is Status.FAILED and settled.retcode and not settled.error:
        word += f" (exit code {settled.retcode})"
    word = style.status(settled.status, word)
    return f"{word} — {one_line(settled.reason)}" if settled.reason else word


def _error(settled: Settled, style: Style) -> Iterator[str]:
    error = settled.error or {}
    for line in printable(str(error.get("message", ""))).splitlines():
        yield style.paint(line, "red")
    if error.get("hint"):
        yield f"hint: {one_line(str(error['hint']))}"
    for line in printable(str(error.get("detail", ""))).splitlines():
        yield style.paint(line, "dim")


def _elsewhere(settled: Settled) -> Iterator[str]:
    if settled.size:
        yield f"({settled.size:,} bytes; {_whole(settled)})"


def _whole(settled: Settled) -> str:
    return f"the whole: saltern job show {settled.jid} {one_line(settled.name)} --json"


def _cut(body: list[str], longest: int | None, settled: Settled) -> Iterator[str]:
    room = longest
    for line in body:
        if room is not None and len(line) > room:
            yield line[:room]
            yield f"… cut here; {_whole(settled)}"
            return
        room = None if room is None else room - len(line)
        yield line


def summary(statuses: dict[Status, int], slowest: tuple[float, str] | None, elapsed: float | None) -> str:
    """Return the last line: how many agents ended how, who was slowest, how long it took."""
    total = sum(statuses.values())
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted_counts(statuses))
    parts = [f"{counted(total, 'agent')}: {counts or 'nothing yet'}"]
    if slowest is not None and total > 1:
        parts.append(f"slowest {one_line(slowest[1])} {span(slowest[0])}")
    if elapsed is not None:
        parts.append(f"took {span(elapsed)}")
    return " · ".join(parts)


def sorted_counts(statuses: dict[Status, int]) -> list[tuple[Status, int]]:
    """Return the counts that are not zero, in the order of ``Status``, ok first."""
    order = [Status.OK, *(status for status in Status if status is not Status.OK)]
    return [(status, statuses[status]) for status in order if statuses.get(status)]
