"""Jobs: made with their targets in one step, listed newest first."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import tables
from saltern.controller.store.sql import bulk
from saltern.controller.store.values import JobFilter, plain
from saltern.foundation.errors import Conflict, NotFound
from saltern.model.ids import JobId
from saltern.model.job import Job, Tally, Target
from saltern.model.status import SETTLED, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saltern.controller.store.database import Database

_JOBS, _TARGETS = tables.jobs, tables.targets
FIELDS = Job.__struct_fields__
COLUMNS = [_JOBS.c[name] for name in FIELDS]
_JSON = ("args", "kwargs", "rollout", "returners")

#: About what a job and each of its targets take in the database beside their data, in bytes.
JOB_WEIGHT = 512
TARGET_WEIGHT = 512


class Jobs:
    """What was asked of whom. Jobs that retention is taking away are not seen here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, job: Job, targets: Sequence[Target]) -> None:
        """Record a job and its targets, all or nothing. Raises Conflict when the jid is taken."""
        await self._database.write(lambda connection: _create(connection, job, targets))

    async def get(self, jid: JobId) -> Job | None:
        """Return the job; None when there is none (any more)."""
        query = sa.select(*COLUMNS).where(_JOBS.c.jid == jid, ~_JOBS.c.removing)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return as_job(row) if row else None

    async def list(self, filter: JobFilter = JobFilter()) -> list[Job]:  # noqa: B008 - frozen
        """Return up to ``filter.limit`` jobs, newest first; ask for the next page with the last one's jid."""
        return await self._database.read(lambda connection: _list(connection, filter))

    async def cancelled(self, jid: JobId, by: str) -> Job:
        """Record who cancelled the job first, and return it. Raises NotFound."""
        return await self._database.write(lambda connection: _cancelled(connection, jid, by))

    async def tallies(self, jids: Sequence[JobId]) -> dict[JobId, Tally]:
        """Return how many targets have each status, for each of ``jids`` that has any."""
        return await self._database.read(lambda connection: _tallies(connection, jids))

    async def count_unsettled(self) -> int:
        """Return how many jobs have a target that somebody still waits for."""
        query = sa.select(sa.func.count(sa.distinct(_TARGETS.c.jid))).where(tables.UNSETTLED)
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))


def as_job(row: Sequence[object]) -> Job:
    """Return the job in a row of ``COLUMNS``."""
    values = dict(zip(FIELDS, row, strict=True))
    values |= {name: msgspec.json.decode(str(values[name])) for name in _JSON}
    return msgspec.convert(values, Job)


def _job_row(job: Job, count: int) -> dict[str, object]:
    row = {name: getattr(job, name) for name in FIELDS}
    row |= {name: plain(row[name]) for name in ("fun", "target", "target_kind", "user")}
    row |= {name: msgspec.json.encode(row[name]).decode() for name in _JSON}
    weight = JOB_WEIGHT + len(row["args"]) + len(row["kwargs"]) + TARGET_WEIGHT * count
    return row | {"weight": weight, "removing": False}


def _create(connection: sa.Connection, job: Job, targets: Sequence[Target]) -> None:
    taken = connection.execute(sa.select(_JOBS.c.jid).where(_JOBS.c.jid == job.jid)).first()
    if taken:
        raise Conflict(f"there is a job {job.jid} already", hint="try again: every try has a new id")
    connection.execute(sa.insert(_JOBS), _job_row(job, len(targets)))
    if targets:
        rows = [_target_row(target) for target in sorted(targets, key=lambda each: each.key)]
        bulk(connection, _INSERT_TARGETS, rows)


_INSERT_TARGETS = sa.insert(_TARGETS)


def _target_row(target: Target) -> dict[str, object]:
    return {
        "jid": target.jid,
        "key": target.key,
        "name": target.name,
        "status": target.status.value,
        "updated": target.updated,
        "reason": plain(target.reason),
        "retcode": target.retcode,
        "started": target.started,
        "finished": target.finished,
        "size": target.size,
        "proven": target.proven,
        "unsettled": target.status not in SETTLED,
    }


def _cancelled(connection: sa.Connection, jid: JobId, by: str) -> Job:
    mark = sa.update(_JOBS).where(_JOBS.c.jid == jid, _JOBS.c.cancelled_by.is_(None))
    connection.execute(mark.values(cancelled_by=plain(by)))
    row = connection.execute(sa.select(*COLUMNS).where(_JOBS.c.jid == jid, ~_JOBS.c.removing)).first()
    if row is None:
        raise NotFound(f"no job {jid}", hint="list them with: saltern job list")
    return as_job(row)


def _tallies(connection: sa.Connection, jids: Sequence[JobId]) -> dict[JobId, Tally]:
    query = (
        sa.select(_TARGETS.c.jid, _TARGETS.c.status, sa.func.count())
        .where(_TARGETS.c.jid.in_(jids))
        .group_by(_TARGETS.c.jid, _TARGETS.c.status)
    )
    counts: dict[JobId, dict[Status, int]] = {}
    for jid, status, count in connection.execute(query):
        counts.setdefault(JobId(jid), {})[Status(status)] = count
    return {jid: Tally(found) for jid, found in counts.items()}


def _list(connection: sa.Connection, filter: JobFilter) -> list[Job]:
    """Walk back through time. The database narrows a glob roughly, Python decides: equal on all databases."""
    query = _narrowed(filter).order_by(_JOBS.c.jid.desc())
    found: list[Job] = []
    with connection.execution_options(yield_per=200).execute(query) as rows:
        for row in rows:
            if filter.fun is None or fnmatchcase(row.fun, filter.fun):
                found.append(as_job(row))
                if len(found) == filter.limit:
                    break
    return found


def _narrowed(filter: JobFilter) -> sa.Select[Any]:
    query = sa.select(*COLUMNS).where(~_JOBS.c.removing)
    if filter.user is not None:
        query = query.where(_JOBS.c.user == filter.user)
    if filter.fun is not None:
        query = query.where(_JOBS.c.fun.like(_wider(filter.fun), escape="\\"))
    if filter.since is not None:
        query = query.where(_JOBS.c.created >= filter.since)
    if filter.until is not None:
        query = query.where(_JOBS.c.created < filter.until)
    if filter.before is not None:
        query = query.where(_JOBS.c.jid < filter.before)
    return _narrowed_by_targets(query, filter)


def _narrowed_by_targets(query: sa.Select[Any], filter: JobFilter) -> sa.Select[Any]:
    if filter.target is not None:
        query = query.where(
            _JOBS.c.jid.in_(sa.select(_TARGETS.c.jid).where(_TARGETS.c.name == filter.target))
        )
    if filter.status is not None:
        has_it = sa.select(_TARGETS.c.jid).where(_TARGETS.c.status == filter.status.value)
        if filter.status not in SETTLED:
            query = query.where(_JOBS.c.jid.in_(has_it.where(tables.UNSETTLED)))
        else:
            query = query.where(has_it.where(_TARGETS.c.jid == _JOBS.c.jid).exists())
    return query


def _wider(glob: str) -> str:
    """Return a LIKE pattern that matches all that ``glob`` does, and perhaps more."""
    plain_part = glob.split("[", 1)[0]
    for special in "\\%_":
        plain_part = plain_part.replace(special, "\\" + special)
    pattern = plain_part.replace("*", "%").replace("?", "_")
    return pattern + "%" if "[" in glob else pattern
