"""Old jobs go: by age, by size, whole, and in steps so small that nobody who writes has to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from saltern.controller.store import tables, targets
from saltern.controller.store.values import Pruned
from saltern.model.ids import AgentKey, JobId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saltern.controller.store.database import Database

_JOBS, _TARGETS, _RETURNS, _CHUNKS = tables.jobs, tables.targets, tables.returns, tables.chunks

#: What one transaction takes away at most: so many jobs looked up, chunks (of 1 MiB), targets, free pages.
_JOBS_AT_ONCE = 100
_CHUNKS_AT_ONCE = 16
_TARGETS_AT_ONCE = 500
_PAGES_AT_ONCE = 500

_UNSETTLED_JOBS = sa.select(_TARGETS.c.jid).where(tables.UNSETTLED)
_Found = list[tuple[JobId, int]]


class Retention:
    """Takes whole settled jobs away, oldest first. A job somebody waits for is never touched."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prune(
        self, *, before: float | None = None, keep_bytes: int | None = None, spare_since: float | None = None
    ) -> Pruned:
        """Take away jobs made before ``before``, then the oldest until all weigh at most ``keep_bytes``.

        Jobs made at ``spare_since`` or later are not taken for their size. What a job weighs is its data
        and about 500 bytes for each target. Killed half-way, the next call finishes the job begun.
        """
        total = await self._remove_all(await self._begun())
        if before is not None:
            while found := await self._candidates(_JOBS.c.created < before):
                total = _sum(total, await self._remove_all(found))
        if keep_bytes is not None:
            total = _sum(total, await self._shrink(keep_bytes, spare_since))
        if total.jobs:
            await self._give_back_space()
        return total

    async def weight(self) -> int:
        """Return about how many bytes all jobs take in the database."""
        query = sa.select(sa.func.coalesce(sa.func.sum(_JOBS.c.weight), 0)).where(~_JOBS.c.removing)
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))

    async def _shrink(self, keep_bytes: int, spare_since: float | None) -> Pruned:
        old_enough = sa.true() if spare_since is None else _JOBS.c.created < spare_since
        excess = await self.weight() - keep_bytes
        total = Pruned()
        while excess > total.bytes and (found := await self._candidates(old_enough)):
            total = _sum(total, await self._remove_all(_enough(found, excess - total.bytes)))
        return total

    async def _begun(self) -> _Found:
        query = sa.select(_JOBS.c.jid, _JOBS.c.weight).where(_JOBS.c.removing)
        return await self._database.read(lambda connection: _found(connection, query))

    async def _candidates(self, which: sa.ColumnElement[bool]) -> _Found:
        query = (
            sa.select(_JOBS.c.jid, _JOBS.c.weight)
            .where(which, ~_JOBS.c.removing, _JOBS.c.jid.not_in(_UNSETTLED_JOBS))
            .order_by(_JOBS.c.jid)
            .limit(_JOBS_AT_ONCE)
        )
        return await self._database.read(lambda connection: _found(connection, query))

    async def _remove_all(self, found: _Found) -> Pruned:
        total = Pruned()
        for jid, weight in found:
            if await self._remove(jid):
                total = _sum(total, Pruned(jobs=1, bytes=weight))
        return total

    async def _remove(self, jid: JobId) -> bool:
        """Hide the job, take its parts away step by step, then itself; False when it is wanted again."""
        write = self._database.write
        if not await write(lambda connection: _hide(connection, jid)):
            return False
        while await write(lambda connection: _take_chunks(connection, jid)):
            pass
        while await write(lambda connection: _take_targets(connection, jid)):
            pass
        await write(
            lambda connection: connection.execute(sa.delete(_JOBS).where(_JOBS.c.jid == jid)) and None
        )
        return True

    async def _give_back_space(self) -> None:
        """Return SQLite's free pages to the file system; PostgreSQL sees to that itself."""
        if self._database.is_sqlite:
            while await self._database.write(_vacuum_some):
                pass


def _sum(one: Pruned, other: Pruned) -> Pruned:
    return Pruned(jobs=one.jobs + other.jobs, bytes=one.bytes + other.bytes)


def _found(connection: sa.Connection, query: sa.Select[Any]) -> _Found:
    return [(JobId(jid), weight) for jid, weight in connection.execute(query)]


def _enough(found: _Found, excess: int) -> _Found:
    """Return the first of ``found`` that together weigh ``excess``."""
    taken: _Found = []
    for jid, weight in found:
        if excess <= 0:
            break
        taken.append((jid, weight))
        excess -= weight
    return taken


def _hide(connection: sa.Connection, jid: JobId) -> bool:
    settled = sa.select(_TARGETS.c.jid).where(_TARGETS.c.jid == jid, tables.UNSETTLED).exists()
    mark = (
        sa.update(_JOBS).where(_JOBS.c.jid == jid, sa.or_(_JOBS.c.removing, ~settled)).values(removing=True)
    )
    return connection.execute(mark).rowcount > 0


def _take_chunks(connection: sa.Connection, jid: JobId) -> bool:
    query = sa.select(_CHUNKS.c.key, _CHUNKS.c.n).where(_CHUNKS.c.jid == jid).limit(_CHUNKS_AT_ONCE)
    found = [{"of_key": key, "of_n": n} for key, n in connection.execute(query)]
    if found:
        each = sa.and_(
            _CHUNKS.c.jid == jid, _CHUNKS.c.key == sa.bindparam("of_key"), _CHUNKS.c.n == sa.bindparam("of_n")
        )
        connection.execute(sa.delete(_CHUNKS).where(each), found)
    return bool(found)


def _take_targets(connection: sa.Connection, jid: JobId) -> bool:
    query = sa.select(_TARGETS.c.key).where(_TARGETS.c.jid == jid).limit(_TARGETS_AT_ONCE)
    keys: Sequence[str] = connection.execute(query).scalars().all()
    targets.locked(connection, [(jid, AgentKey(key)) for key in keys])  # a return on its way in comes first
    for table in (_CHUNKS, _RETURNS, _TARGETS) if keys else ():
        connection.execute(sa.delete(table).where(table.c.jid == jid, table.c.key.in_(keys)))
    return bool(keys)


def _vacuum_some(connection: sa.Connection) -> bool:
    """Return some free pages to the file system; False when none is left."""
    free = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
    cursor = connection.connection.cursor()
    for _ in range(
        min(free, _PAGES_AT_ONCE)
    ):  # Python's sqlite3 lets the pragma do one page, whatever it is told
        cursor.execute("PRAGMA incremental_vacuum(1)")
    return free > _PAGES_AT_ONCE
