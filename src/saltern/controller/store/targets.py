"""What is known of each target of a job, and how it moves on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import jobs, tables
from saltern.controller.store.sql import asked, bulk
from saltern.controller.store.values import Pair, Queued, Recorded, Update, plain
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Target
from saltern.model.status import SETTLED, Status, advance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from saltern.controller.store.database import Database

_JOBS, _TARGETS = tables.jobs, tables.targets
FIELDS = Target.__struct_fields__
COLUMNS = [_TARGETS.c[name] for name in FIELDS]

#: Why a target that waited in the queue is offline.
TOO_LATE = "it did not connect before its time in the queue ended"


class Targets:
    """The targets of all jobs. Every change obeys ``model.status.advance``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, updates: Sequence[Update]) -> Recorded:
        """Apply what was seen, in order, in one transaction; what is old news changes nothing."""
        if not updates:
            return Recorded()
        return await self._database.write(lambda connection: _record(connection, updates))

    async def of_job(self, jid: JobId, statuses: Collection[Status] | None = None) -> list[Target]:
        """Return the job's targets, or those in one of ``statuses``, by name."""
        query = sa.select(*COLUMNS).where(_TARGETS.c.jid == jid)
        if statuses is not None:
            query = query.where(_TARGETS.c.status.in_([status.value for status in statuses]))
        found = await self._database.read(lambda connection: _rows(connection, query))
        return sorted(found, key=lambda target: (target.name, target.key))

    async def get(self, jid: JobId, key: AgentKey) -> Target | None:
        """Return one target; None when there is none."""
        query = sa.select(*COLUMNS).where(_TARGETS.c.jid == jid, _TARGETS.c.key == key)
        found = await self._database.read(lambda connection: _rows(connection, query))
        return found[0] if found else None

    async def unsettled(self, key: AgentKey | None = None) -> list[Target]:
        """Return every target somebody waits for, of one agent or of all, oldest job first."""
        query = sa.select(*COLUMNS).where(tables.UNSETTLED)
        if key is not None:
            query = query.where(_TARGETS.c.key == key)
        found = await self._database.read(lambda connection: _rows(connection, query))
        return sorted(found, key=lambda target: (target.jid, target.key))

    async def queued(self, key: AgentKey, now: float) -> list[Queued]:
        """Return the jobs that wait for this agent and may still go to it, oldest first."""
        query = (
            _queued(*jobs.COLUMNS, *COLUMNS)
            .where(_TARGETS.c.key == key, sa.or_(_JOBS.c.queue_until.is_(None), _JOBS.c.queue_until > now))
            .order_by(_TARGETS.c.jid)
        )
        return await self._database.read(
            lambda connection: [_as_queued(row) for row in connection.execute(query)]
        )

    async def expire_queued(self, now: float) -> tuple[Target, ...]:
        """Settle as ``offline`` whatever has waited in the queue until its time; return those."""
        query = _queued(_TARGETS.c.jid, _TARGETS.c.key).where(_JOBS.c.queue_until <= now)
        late = await self._database.read(lambda connection: connection.execute(query).all())
        updates = [
            Update(jid=JobId(jid), key=AgentKey(key), status=Status.OFFLINE, at=now, reason=TOO_LATE)
            for jid, key in late
        ]
        if not updates:
            return ()
        return (await self._database.write(lambda connection: _expire(connection, updates))).changed


def _queued(*columns: sa.Column[Any]) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .join_from(_TARGETS, _JOBS, _JOBS.c.jid == _TARGETS.c.jid)
        .where(tables.UNSETTLED, _TARGETS.c.status == Status.QUEUED.value)
    )


def _as_queued(row: sa.Row[Any]) -> Queued:
    split = len(jobs.COLUMNS)
    return Queued(job=jobs.as_job(row[:split]), target=as_target(row[split:]))


def as_target(row: Sequence[object]) -> Target:
    """Return the target in a row of ``COLUMNS``."""
    return msgspec.convert(dict(zip(FIELDS, row, strict=True)), Target)


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[Target]:
    return [as_target(row) for row in connection.execute(query).all()]


def locked(connection: sa.Connection, pairs: Iterable[Pair]) -> dict[Pair, Target]:
    """Return the targets there are of ``pairs``; nobody else changes them until the transaction ends."""
    each, jid, key = asked(connection, sorted({pair for pair in pairs if "\0" not in pair[0] + pair[1]}))
    query = (
        sa.select(*COLUMNS)
        .select_from(each)
        .join(_TARGETS, sa.and_(_TARGETS.c.jid == jid, _TARGETS.c.key == key))
        .with_for_update(of=_TARGETS)
    )
    if connection.dialect.name == "postgresql":  # all lock in one order, so nobody waits in a circle
        query = query.order_by(_TARGETS.c.jid, _TARGETS.c.key)
    return {(target.jid, target.key): target for target in _rows(connection, query)}


def _record(connection: sa.Connection, updates: Sequence[Update]) -> Recorded:
    known = locked(connection, ((update.jid, update.key) for update in updates))
    return _follow(connection, known, updates)


def _expire(connection: sa.Connection, updates: Sequence[Update]) -> Recorded:
    """Like ``_record``, but a target that left the queue in the meantime is let go."""
    known = locked(connection, ((update.jid, update.key) for update in updates))
    still = {pair: target for pair, target in known.items() if target.status is Status.QUEUED}
    return _follow(connection, still, [update for update in updates if (update.jid, update.key) in still])


def _follow(connection: sa.Connection, known: dict[Pair, Target], updates: Sequence[Update]) -> Recorded:
    changed: dict[Pair, Target] = {}
    unknown: dict[Pair, None] = {}
    for update in updates:
        pair = (update.jid, update.key)
        target = changed.get(pair) or known.get(pair)
        if target is None:
            unknown[pair] = None
        elif (after := followed(target, update)) is not None:
            changed[pair] = after
    write(connection, changed.values())
    return Recorded(changed=tuple(changed.values()), unknown=tuple(unknown))


def followed(target: Target, update: Update) -> Target | None:
    """Return the target after ``update``; None when that changes nothing."""
    status = advance(target.status, update.status, proven=target.proven, proof=False)
    if status is None:
        return None
    return Target(
        jid=target.jid,
        key=target.key,
        name=target.name,
        status=status,
        updated=update.at,
        reason=plain(update.reason),
        retcode=target.retcode,
        started=target.started if update.started is None else update.started,
        finished=update.finished,
        size=target.size,
    )


_FIXED = ("jid", "key", "name")
_WRITE = (
    sa.update(_TARGETS)
    .where(_TARGETS.c.jid == sa.bindparam("of_jid"), _TARGETS.c.key == sa.bindparam("of_key"))
    .values({name: sa.bindparam(name) for name in ("unsettled", *FIELDS) if name not in _FIXED})
)


def write(connection: sa.Connection, targets: Collection[Target]) -> None:
    """Write targets that exist as they are now."""
    if targets:
        in_order = sorted(targets, key=lambda target: (target.jid, target.key))
        bulk(connection, _WRITE, [_changed_row(target) for target in in_order])


def _changed_row(target: Target) -> dict[str, object]:
    return {
        "of_jid": target.jid,
        "of_key": target.key,
        "status": target.status.value,
        "updated": target.updated,
        "reason": target.reason,
        "retcode": target.retcode,
        "started": target.started,
        "finished": target.finished,
        "size": target.size,
        "proven": target.proven,
        "unsettled": target.status not in SETTLED,
    }
