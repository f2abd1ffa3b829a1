"""The audit log: who did what, to what, and whether it was allowed. Each entry seals all before it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import tables
from saltern.controller.store.anchor import EMPTY, Anchor, Head
from saltern.controller.store.masking import masked
from saltern.controller.store.values import plain
from saltern.foundation.errors import Conflict
from saltern.model.system import AuditEntry, AuditReport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from saltern.controller.store.database import Database

_AUDIT = tables.audit
_LOCK = 0x5A17E25  # PostgreSQL: entries are written one after another
_PAGE = 1000


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was decided. ``target`` is a summary for people, ``arguments`` any JSON value."""

    at: float
    principal: str
    action: str
    target: str
    decision: str
    arguments: Any = None


_COLUMNS = [_AUDIT.c[name] for name in AuditEntry.__struct_fields__]


class Audit:
    """Appends, lists, and proves that nothing was changed, taken out, put in between, or cut off."""

    def __init__(self, database: Database, anchor: Path) -> None:
        self._database = database
        self._anchor = Anchor(anchor)
        self._first = asyncio.Lock()

    async def append(self, *acts: Act) -> list[AuditEntry]:
        """Write ``acts`` in order, all or nothing; they are on disk when this returns.

        Raises Conflict when the log does not reach its anchor any more: entries were cut off.
        """
        if self._anchor.read() is not None:
            return await self._append(acts, self._continue)
        async with self._first:  # one alone drops the anchor
            return await self._append(acts, self._continue)

    async def accept_loss(self, *, principal: str, at: float) -> AuditEntry:
        """Go on after entries were lost (a restored back-up); the log says that, when, and who."""

        def work(connection: sa.Connection, acts: Sequence[Act]) -> list[AuditEntry]:
            head = _lock_head(connection)
            anchor = self._anchor.read() or EMPTY
            arguments = {"expected": anchor.seq, "found": head.seq, "hash": anchor.hash}
            return _write(connection, head, [msgspec.structs.replace(acts[0], arguments=arguments)])

        act = Act(
            at=at, principal=principal, action="audit.accept_loss", target="audit log", decision="allowed"
        )
        return (await self._append([act], work, backwards=True))[0]

    async def entries(self, *, after: int = 0, limit: int = 100) -> list[AuditEntry]:
        """Return up to ``limit`` entries that follow entry ``after``, oldest first."""
        query = sa.select(*_COLUMNS).where(_AUDIT.c.seq > after).order_by(_AUDIT.c.seq).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_entry(row) for row in rows]

    async def verify(self) -> AuditReport:
        """Read the whole log; name the first entry that was changed, is missing, or is out of order."""
        anchor = self._anchor.read()  # before the log, which may grow meanwhile
        head, anchored = EMPTY, anchor is None or anchor == EMPTY
        async for entry in self._all():
            if problem := _broken(head, entry):
                return _report(head, problem, at=_problem_at(head, entry))
            head = Head(entry.seq, entry.hash)
            anchored = anchored or head == anchor
        if not anchored and anchor is not None:
            return _report(head, _unanchored(head, anchor), at=min(anchor.seq, head.seq + 1))
        if anchor is None and head != EMPTY:
            return _report(head, "the anchor is missing, so entries may have been cut off its end", at=None)
        return _report(head, "", at=None)

    def close(self) -> None:
        """Let go of the anchor."""
        self._anchor.close()

    async def _append(self, acts: Sequence[Act], work: Any, *, backwards: bool = False) -> list[AuditEntry]:
        if not acts:
            return []
        written: list[AuditEntry] = await self._database.write(lambda connection: work(connection, acts))
        anchor, last = self._anchor.read() or EMPTY, written[-1]
        if backwards or last.seq > anchor.seq:
            self._anchor.move(Head(last.seq, last.hash))
        return written

    def _continue(self, connection: sa.Connection, acts: Sequence[Act]) -> list[AuditEntry]:
        head, anchor = _lock_head(connection), self._anchor.read()
        if anchor is None and head != EMPTY:  # a new controller beside others, or somebody removed the file
            found = Act(
                at=acts[0].at,
                principal="controller",
                action="audit.anchor",
                target="audit log",
                decision="allowed",
                arguments={"found": head.seq, "hash": head.hash},
            )
            return _write(connection, head, [found, *acts])[1:]
        if anchor is not None and not _reaches(connection, head, anchor):
            raise Conflict(
                f"the audit log is damaged: {_unanchored(head, anchor)}",
                hint="see: saltern audit verify. After restoring a back-up: accept the loss",
            )
        return _write(connection, head, acts)

    async def _all(self) -> AsyncIterator[AuditEntry]:
        after = -(2**62)  # not 0: an entry put in before the first must be seen
        while page := await self.entries(after=after, limit=_PAGE):
            for entry in page:
                yield entry
            after = page[-1].seq


def _entry(row: Sequence[object]) -> AuditEntry:
    return msgspec.convert(dict(zip(AuditEntry.__struct_fields__, row, strict=True)), AuditEntry)


def _lock_head(connection: sa.Connection) -> Head:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    query = sa.select(_AUDIT.c.seq, _AUDIT.c.hash).order_by(_AUDIT.c.seq.desc()).limit(1)
    row = connection.execute(query).first()
    return Head(*row) if row else EMPTY


def _reaches(connection: sa.Connection, head: Head, anchor: Head) -> bool:
    if anchor in (head, EMPTY):
        return True
    query = sa.select(_AUDIT.c.hash).where(_AUDIT.c.seq == anchor.seq)
    return connection.execute(query).scalar() == anchor.hash


def _write(connection: sa.Connection, head: Head, acts: Sequence[Act]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for act in acts:
        entry = _sealed(head, act)
        entries.append(entry)
        head = Head(entry.seq, entry.hash)
    connection.execute(sa.insert(_AUDIT), [msgspec.structs.asdict(entry) for entry in entries])
    return entries


def _sealed(head: Head, act: Act) -> AuditEntry:
    open_entry = AuditEntry(
        seq=head.seq + 1,
        at=act.at,
        principal=plain(act.principal),
        action=plain(act.action),
        target=plain(act.target),
        decision=plain(act.decision),
        arguments=msgspec.json.encode(masked(act.arguments)).decode(),
        previous=head.hash,
        hash="",
    )
    return msgspec.structs.replace(open_entry, hash=_hash(open_entry))


def _hash(entry: AuditEntry) -> str:
    """SHA-256 over the JSON array of all fields but the last: one value, one text, on every database."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.astuple(entry)[:-1])).hexdigest()


def _broken(head: Head, entry: AuditEntry) -> str:
    if entry.seq != head.seq + 1:
        missing = f"entry {head.seq + 1} is missing"
        return missing if entry.seq > head.seq else f"entry {entry.seq} stands before the first"
    if entry.hash != _hash(entry):
        return f"entry {entry.seq} was changed"
    if entry.previous != head.hash:
        return f"entry {entry.seq} does not follow entry {head.seq}: they were replaced or reordered"
    return ""


def _problem_at(head: Head, entry: AuditEntry) -> int:
    """Return the number of the entry that is missing or wrong."""
    return min(entry.seq, head.seq + 1)


def _unanchored(head: Head, anchor: Head) -> str:
    if head.seq < anchor.seq:
        return f"it ends at entry {head.seq}, but had {anchor.seq}: the last ones were cut off"
    return f"entry {anchor.seq} is not the one that was written: the log was replaced from there or before"


def _report(head: Head, problem: str, *, at: int | None) -> AuditReport:
    return AuditReport(whole=not problem, entries=head.seq, head=head.hash, problem=problem, at=at)
