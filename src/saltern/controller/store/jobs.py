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
    """Walk back through time. The database narrows roughly, Python decides: equal on all databases."""
    funs = None if filter.fun is None else _functions(connection, filter.fun)
    if funs == []:
        return []
    found: list[Job] = []
    query = _narrowed(filter, funs)
    if filter.since is not None or filter.until is not None:
        query = query.order_by(
            _JOBS.c.created.desc()
        )  # the same order, by an index that knows where to begin
    query = query.order_by(_JOBS.c.jid.desc())
    with connection.execution_options(yield_per=min(200, filter.limit)).execute(query) as rows:
        for row in rows:
            if filter.text is None or _in_arguments(filter.text, row):
                found.append(as_job(row))
                if len(found) == filter.limit:
                    break
    return found


def _functions(connection: sa.Connection, glob: str) -> list[str]:
    """Return the functions that any job has run and that are like ``glob``."""
    first = sa.select(sa.func.min(_JOBS.c.fun).label("fun")).cte("functions", recursive=True)
    following = sa.select(sa.func.min(_JOBS.c.fun)).where(_JOBS.c.fun > first.c.fun).scalar_subquery()
    each = first.union_all(sa.select(following).where(first.c.fun.is_not(None)))  # leaps through the index
    query = sa.select(each.c.fun).where(each.c.fun.is_not(None))
    return [fun for fun in connection.execute(query).scalars() if fnmatchcase(fun, glob)]


def _in_arguments(text: str, row: Any) -> bool:
    """Tell whether a job's arguments hold ``text``, as they are written in JSON."""
    return _as_json(text) in row.args or _as_json(text) in row.kwargs


def _as_json(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _narrowed(filter: JobFilter, funs: list[str] | None) -> sa.Select[Any]:
    query = sa.select(*COLUMNS).where(~_JOBS.c.removing)
    if filter.user is not None:
        query = query.where(_JOBS.c.user == filter.user)
    if funs is not None:
        query = query.where(_JOBS.c.fun.in_(funs))
    if filter.text is not None:
        text = _as_json(filter.text)
        query = query.where(
            _JOBS.c.args.contains(text, autoescape=True) | _JOBS.c.kwargs.contains(text, autoescape=True)
        )
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
        if filter.status is Status.OK:
            query = query.where(has_it.where(_TARGETS.c.jid == _JOBS.c.jid).exists())
        else:
            few = tables.TROUBLED if filter.status in SETTLED else tables.UNSETTLED
            query = query.where(_JOBS.c.jid.in_(has_it.where(few)))
    return query
