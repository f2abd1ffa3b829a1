"""Jobs that somebody still waits for: each target's status, and who watches. Pure but for the queues."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator

import msgspec

from saltern.controller.rollout import Roll
from saltern.model.ids import AgentKey
from saltern.model.job import Job
from saltern.model.status import SETTLED, Status, advance
from saltern.model.update import Noted, Output, Progressing, Settled

#: Bytes a slow watcher may leave waiting; beyond it the returns are read from the store again.
_BACKLOG = 16 * 1024 * 1024
#: Bytes an update takes in memory, besides its data.
_OVERHEAD = 1000


class Part:
    """One target, in memory. ``heard`` is the steady time of its last sign of life."""

    __slots__ = ("heard", "name", "progressing", "proven", "reason", "started", "status")

    def __init__(self, name: str, status: Status, heard: float, *, proven: bool = False) -> None:
        self.name = name
        self.status = status
        self.heard = heard
        self.proven = proven
        self.reason = ""
        self.started: float | None = None
        self.progressing: Progressing | None = None  # how far its run of states is, as it last said


class LiveJob:
    """A job that has not settled, or is being watched."""

    def __init__(self, job: Job, parts: dict[AgentKey, Part]) -> None:
        self.job = job
        self.parts = parts
        self.counts: Counter[Status] = Counter(part.status for part in parts.values())
        self.watchers: set[Watcher] = set()
        self.dirty: set[AgentKey] = set()  # statuses not yet in the store
        self.roll: Roll | None = None  # those whose turn has not come
        self.driven = job.rollout is not None and job.rollout.in_steps  # and its roll-out is not over
        self.stepped = False  # some run of states has told how far it is

    @property
    def settled(self) -> bool:
        """Tell that nobody needs to wait any more."""
        return not self.driven and all(status in SETTLED for status, count in self.counts.items() if count)

    def see(self, key: AgentKey, seen: Status, now: float, *, proof: bool = False, reason: str = "") -> bool:
        """Take in what was heard or concluded of a target; tell whether its status changed."""
        part = self.parts.get(key)
        if part is None:
            return False
        following = advance(part.status, seen, proven=part.proven, proof=proof)
        if seen not in (Status.UNRESPONSIVE, Status.LOST, Status.OFFLINE) or proof:
            part.heard = now
        if following is None:
            return False
        self.counts[part.status] -= 1
        self.counts[following] += 1
        part.status, part.proven, part.reason = following, proof, reason
        if not proof:
            self.dirty.add(key)
        self.moved()
        return True

    def moved(self) -> None:
        """Have watchers look again."""
        for watcher in self.watchers:
            watcher.moved()

    def unsettled(self) -> Iterable[tuple[AgentKey, Part]]:
        """Return the targets that are waited for."""
        return [(key, part) for key, part in self.parts.items() if part.status not in SETTLED]


class Watcher:
    """One who watches a job. What it has not taken yet is bounded; see ``missed``."""

    def __init__(self, *, output: bool) -> None:
        self.output = output
        self._waiting: deque[Settled | Output | Noted] = deque()
        self._weight = 0
        self.missed: set[AgentKey] = set()  # settled, but only the store has the data now
        self.changed = asyncio.Event()

    def moved(self) -> None:
        """The tally is another."""
        self.changed.set()

    def settled(self, update: Settled) -> None:
        """A target has settled."""
        if self._weight < _BACKLOG:
            self._append(update)
        else:
            self.missed.add(update.key)
        self.changed.set()

    def progressed(self, update: Output) -> None:
        """Output came; when the watcher is slow it is dropped, the return has it all."""
        if self.output and self._weight < _BACKLOG:
            self._append(update)
            self.changed.set()

    def noted(self, update: Noted) -> None:
        """The roll-out has decided something; it is on record, so that a slow watcher may miss it."""
        if self._weight < _BACKLOG:
            self._append(update)
            self.changed.set()

    def _append(self, update: Settled | Output | Noted) -> None:
        self._waiting.append(update)
        self._weight += _weight(update)

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> Iterator[Settled | Output | Noted]:
        """Yield what waits, oldest first; what is not taken waits on."""
        while self._waiting:
            update = self._waiting.popleft()
            self._weight -= _weight(update)
            yield update


def _weight(update: Settled | Output | Noted) -> int:
    if isinstance(update, Noted):
        return _OVERHEAD + len(update.text)
    return _OVERHEAD + (0 if update.data is msgspec.UNSET else len(update.data))
