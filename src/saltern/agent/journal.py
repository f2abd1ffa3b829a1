"""What the agent must not forget: which orders it has seen, and how far each one got.

The journal is also the replay window. An order's jid is refused for ever once it was admitted: it is
either remembered, or it was forgotten together with everything that expires no later than the *horizon*,
and nothing that expires at or before the horizon is admitted again. Both sides of that comparison are
times of the controller's clock taken from signed orders, so the agent's own clock has no part in it.
(The signature covers jid and nonce together: what is not refused for its jid is not a replay.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from saltern.agent.log import Log
from saltern.foundation.errors import Refused
from saltern.messages.v1 import Order
from saltern.model.ids import JobId

#: Seconds by which an order must have expired, on the controller's clock, before it may be forgotten.
MARGIN = 600.0
#: Settled orders remembered after a compaction, even when they could be forgotten.
REMEMBERED = 4096
#: Bytes after which the journal is written anew.
COMPACT_AT = 1024 * 1024


class Record(msgspec.Struct, frozen=True, array_like=True):
    """What all records are."""


class Accepted(Record, frozen=True, array_like=True, tag="accepted"):
    """The order is ours now, and is run or answered whatever happens."""

    order: Order


class Started(Record, frozen=True, array_like=True, tag="started"):
    """From here on it may have run: after another boot than ``boot`` it is never run again."""

    jid: JobId
    boot: str


class Kept(Record, frozen=True, array_like=True, tag="kept"):
    """A keeper has it. ``born`` is the keeper's start in ticks since boot.

    ``started`` is the controller's time, ``deadline`` this machine's steady clock (None: no limit).
    """

    jid: JobId
    keeper: int
    born: int
    started: float
    deadline: float | None


class Settled(Record, frozen=True, array_like=True, tag="settled"):
    """Its return was handed over (or it was refused at once): only its jid matters still."""

    jid: JobId


class Seen(Record, frozen=True, array_like=True, tag="seen"):
    """A settled order, after a compaction."""

    jid: JobId
    expires: float


class Marks(Record, frozen=True, array_like=True, tag="marks"):
    """How far forgetting went, and the latest issue time seen. Times of the controller's clock."""

    horizon: float
    latest: float


_Any = Accepted | Started | Kept | Settled | Seen | Marks
_decoder: msgspec.msgpack.Decoder[_Any] = msgspec.msgpack.Decoder(_Any)


class Entry(msgspec.Struct):
    """One order not yet settled."""

    order: Order
    started: Started | None = None
    kept: Kept | None = None


class Memory(msgspec.Struct):
    """What the records add up to."""

    entries: dict[JobId, Entry] = {}
    seen: dict[JobId, float] = {}  # every jid remembered, and when its order expires
    horizon: float = 0.0
    latest: float = 0.0

    def apply(self, record: _Any) -> None:
        """Take one record in. A record about an order unknown (lost to damage) changes nothing."""
        match record:
            case Accepted(order):
                self.seen[order.jid] = order.expires
                self.latest = max(self.latest, order.issued)
                self.entries[order.jid] = Entry(order)
            case Started(jid):
                if jid in self.entries:
                    self.entries[jid].started = record
            case Kept(jid):
                if jid in self.entries:
                    self.entries[jid].kept = record
            case Settled(jid):
                self.entries.pop(jid, None)
            case Seen(jid, expires):
                self.seen[jid] = expires
            case Marks(horizon, latest):
                self.horizon, self.latest = max(self.horizon, horizon), max(self.latest, latest)

    def forget(self) -> None:
        """Drop the settled orders that expired first, until few enough are left, and move the horizon."""
        settled = [jid for jid in self.seen if jid not in self.entries]
        settled.sort(key=lambda jid: self.seen[jid])
        for jid in settled[: max(0, len(settled) - REMEMBERED)]:
            if self.seen[jid] >= self.latest - MARGIN:
                return
            self.horizon = max(self.horizon, self.seen.pop(jid))

    def records(self) -> Iterator[_Any]:
        """Return the fewest records that add up to this."""
        yield Marks(self.horizon, self.latest)
        for jid, expires in self.seen.items():
            if jid not in self.entries:
                yield Seen(jid, expires)
        for entry in self.entries.values():
            yield Accepted(entry.order)
            yield from filter(None, (entry.started, entry.kept))


class Journal:
    """The memory and its file."""

    def __init__(self, path: Path) -> None:
        """Open or make the file and read it; damage costs the records it hit, never the opening.

        ``damage`` tells how many bytes could not be read. Raises OSError.
        """
        self._log = Log(path)
        self._compact_at = COMPACT_AT
        self._encoder = msgspec.msgpack.Encoder()
        self.memory = Memory()
        self.damage = self._log.found.skipped
        for payload in self._log.found.payloads:
            self._take(payload)
        if self.damage:  # an order may be lost: admit nothing that was old when the last known one was new
            self.memory.horizon = max(self.memory.horizon, self.memory.latest)

    def _take(self, payload: bytes) -> None:
        try:
            self.memory.apply(_decoder.decode(payload))
        except (msgspec.DecodeError, RecursionError):  # of a later version, or written by another program
            self.damage += len(payload)

    @property
    def size(self) -> int:
        """Return the file's bytes."""
        return self._log.size

    def check(self, order: Order) -> None:
        """Raise Refused for an order that was seen before, or may have been."""
        if order.jid in self.memory.seen:
            raise Refused(
                f"job {order.jid} was ordered before",
                hint="each job runs once; to run it again make a new job (`saltern job rerun`)",
            )
        if order.expires <= self.memory.horizon:
            raise Refused(f"job {order.jid} expired: it is older than this agent remembers jobs")

    def append(self, record: _Any) -> None:
        """Write a record; it survives the death of this process, and a power cut after ``commit``.

        Raises OSError when there is no space; then nothing has changed.
        """
        self._log.append(self._encoder.encode(record))
        self.memory.apply(record)

    async def commit(self) -> None:
        """Return when all that was appended is on the disk. Raises OSError."""
        await self._log.commit()

    async def compact(self) -> bool:
        """Write the file anew without what no longer matters, if it has grown enough. Raises OSError."""
        if self._log.size < self._compact_at:
            return False
        self.memory.forget()
        await self._log.replace(lambda: map(self._encoder.encode, self.memory.records()))
        self._compact_at = max(COMPACT_AT, 2 * self._log.size)
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._log.close()
