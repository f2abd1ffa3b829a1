"""What returners are still to get: owed in the transaction that records a return, paid when they have it.

A row says which return; the data stays in ``returns``. Rows are taken for a time (a lease), so several
controllers share the work, and what a killed one had taken is due again when its lease ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import jobs, tables, targets
from saltern.controller.store.sql import asked, bulk, upsert
from saltern.controller.store.values import Answer, Pair, plain
from saltern.messages.v1 import Error
from saltern.model.ids import AgentKey, JobId
from saltern.model.job import Job, Target
from saltern.model.returner import Undelivered

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from saltern.controller.store.database import Database

_JOBS, _TARGETS, _RETURNS = tables.jobs, tables.targets, tables.returns
_DUE, _RETURNERS = tables.deliveries, tables.returners
_ERROR_LENGTH = 1000


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """A return to be delivered. ``data`` is None when it is larger than was asked for."""

    job: Job
    target: Target
    data: bytes | None
    error: Error | None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How deliveries of one returner stand; see ``model.returner.ReturnerStatus``."""

    waiting: int = 0
    refused: int = 0
    delivered: int = 0
    dropped: int = 0
    oldest: float | None = None
    last_delivery: float | None = None
    error: str = ""
    error_at: float | None = None


class Deliveries:
    """The outbox of every returner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self) -> None:
        """Make due what an earlier controller had taken, where there can be no other controller: SQLite."""
        if self._database.is_sqlite:
            reset = sa.update(_DUE).where(_DUE.c.due > _DUE.c.since).values(due=_DUE.c.since)
            await self._database.write(lambda connection: connection.execute(reset) and None)

    async def claim(
        self, returner: str, *, now: float, until: float, rows: int, room: int, largest: int
    ) -> list[Owed]:
        """Take up to ``rows`` that are due, oldest first, with about ``room`` bytes of data at most.

        Nobody else gets them before ``until``. Data over ``largest`` bytes is left out. Those whose job
        retention has removed are given up and counted as dropped.
        """
        found = await self._database.read(lambda connection: _due(connection, returner, now, rows))
        if not found:
            return []
        taken = await self._database.write(
            lambda connection: _claim(connection, returner, now, until, rows, min(room, rows * largest))
        )
        return await self._database.read(lambda connection: _loaded(connection, taken, largest))

    async def done(self, returner: str, pairs: Collection[Pair], *, at: float) -> None:
        """These are delivered."""
        await self._database.write(lambda connection: _done(connection, returner, pairs, at))

    async def later(
        self, returner: str, pairs: Collection[Pair], *, due: float, error: str = "", at: float = 0.0
    ) -> None:
        """These are to be tried again at ``due``; ``error`` says what went wrong, if anything did."""
        await self._database.write(lambda connection: _later(connection, returner, pairs, due, error, at))

    async def refuse(self, returner: str, reasons: Mapping[Pair, str], *, at: float) -> None:
        """The returner will never take these; they are kept to be looked at."""
        await self._database.write(lambda connection: _refuse(connection, returner, reasons, at))

    async def retry(self, returner: str) -> int:
        """Make due again what was refused; return how many."""
        again = sa.update(_DUE).where(_DUE.c.returner == returner, _DUE.c.refused.is_not(None))
        again = again.values(refused=None, due=_DUE.c.since)
        return await self._database.write(lambda connection: connection.execute(again).rowcount)

    async def trim(self, returner: str, *, before: float, most: int) -> int:
        """Give up what came in before ``before``, and the oldest beyond ``most``; return how many."""
        return await self._database.write(lambda connection: _trim(connection, returner, before, most))

    async def counts(self) -> dict[str, Counts]:
        """Return how each returner stands that ever had anything to do."""
        return await self._database.read(_counts)

    async def refused(self, returner: str, *, limit: int) -> list[Undelivered]:
        """Return what the returner has refused, oldest first."""
        return await self._database.read(lambda connection: _refused(connection, returner, limit))


def owe(connection: sa.Connection, answers: Sequence[Answer]) -> None:
    """Put these returns into the outboxes of the returners that their jobs name."""
    jids = {answer.jid for answer in answers}
    query = sa.select(_JOBS.c.jid, _JOBS.c.returners).where(_JOBS.c.jid.in_(jids), _JOBS.c.returners != "[]")
    names = {jid: msgspec.json.decode(text) for jid, text in connection.execute(query)}
    rows = [
        {"returner": name, "jid": answer.jid, "key": answer.key, "since": answer.at, "due": answer.at}
        | {"refused": None}
        for answer in answers
        for name in names.get(answer.jid, ())
    ]
    bulk(connection, _OWE, rows)


_OWE = sa.insert(_DUE)


def _waiting(returner: str, now: float) -> sa.ColumnElement[bool]:
    return sa.and_(_DUE.c.returner == returner, _DUE.c.refused.is_(None), _DUE.c.due <= now)


def _due(connection: sa.Connection, returner: str, now: float, rows: int) -> bool:
    return (
        connection.execute(sa.select(_DUE.c.jid).where(_waiting(returner, now)).limit(1)).first() is not None
    )


def _claim(
    connection: sa.Connection, returner: str, now: float, until: float, rows: int, room: int
) -> list[Pair]:
    at = sa.and_(_TARGETS.c.jid == _DUE.c.jid, _TARGETS.c.key == _DUE.c.key)
    query = (
        sa.select(_DUE.c.jid, _DUE.c.key, _TARGETS.c.size)
        .outerjoin(_TARGETS, at)
        .where(_waiting(returner, now))
        .order_by(_DUE.c.jid, _DUE.c.key)
        .limit(rows)
        .with_for_update(skip_locked=True, of=_DUE)
    )
    found = connection.execute(query).all()
    gone = [(JobId(jid), AgentKey(key)) for jid, key, size in found if size is None]
    _count(connection, returner, dropped=_delete(connection, returner, gone))
    taken: list[Pair] = []
    for jid, key, size in found:
        if size is None:
            continue
        room -= min(size, room if taken else 0)
        if room <= 0 and taken:
            break
        taken.append((JobId(jid), AgentKey(key)))
    _set(connection, _LEASE, returner, taken, due=until)
    return taken


def _which() -> sa.ColumnElement[bool]:
    return sa.and_(
        _DUE.c.returner == sa.bindparam("of_returner"),
        _DUE.c.jid == sa.bindparam("of_jid"),
        _DUE.c.key == sa.bindparam("of_key"),
    )


_LEASE = sa.update(_DUE).where(_which()).values(due=sa.bindparam("to_due"))
_DELETE = sa.delete(_DUE).where(_which())
_REFUSE = sa.update(_DUE).where(_which()).values(refused=sa.bindparam("why"))


def _set(
    connection: sa.Connection, statement: Any, returner: str, pairs: Collection[Pair], *, due: float
) -> None:
    rows = [{"of_returner": returner, "of_jid": jid, "of_key": key, "to_due": due} for jid, key in pairs]
    if rows:
        connection.execute(statement, rows)


def _delete(connection: sa.Connection, returner: str, pairs: Collection[Pair]) -> int:
    rows = [{"of_returner": returner, "of_jid": jid, "of_key": key} for jid, key in pairs]
    return connection.execute(_DELETE, rows).rowcount if rows else 0


def _count(connection: sa.Connection, returner: str, *, dropped: int = 0, delivered: int = 0) -> None:
    if dropped or delivered:
        _known(connection, returner)
        connection.execute(
            sa.update(_RETURNERS)
            .where(_RETURNERS.c.name == returner)
            .values(delivered=_RETURNERS.c.delivered + delivered, dropped=_RETURNERS.c.dropped + dropped)
        )


def _known(connection: sa.Connection, returner: str) -> None:
    row = {
        "name": returner,
        "delivered": 0,
        "dropped": 0,
        "last_delivery": None,
        "error": "",
        "error_at": None,
    }
    upsert(connection, _RETURNERS, row, replace=False)


def _done(connection: sa.Connection, returner: str, pairs: Collection[Pair], at: float) -> None:
    _count(connection, returner, delivered=_delete(connection, returner, pairs))
    well = {"last_delivery": at, "error": "", "error_at": None}
    connection.execute(sa.update(_RETURNERS).where(_RETURNERS.c.name == returner).values(well))


def _later(
    connection: sa.Connection, returner: str, pairs: Collection[Pair], due: float, error: str, at: float
) -> None:
    _set(connection, _LEASE, returner, pairs, due=due)
    if error:
        _complain(connection, returner, error, at)


def _complain(connection: sa.Connection, returner: str, error: str, at: float) -> None:
    _known(connection, returner)
    told = {"error": plain(error)[:_ERROR_LENGTH], "error_at": at}
    connection.execute(sa.update(_RETURNERS).where(_RETURNERS.c.name == returner).values(told))


def _refuse(connection: sa.Connection, returner: str, reasons: Mapping[Pair, str], at: float) -> None:
    rows = [
        {"of_returner": returner, "of_jid": jid, "of_key": key, "why": plain(reason)[:_ERROR_LENGTH]}
        for (jid, key), reason in reasons.items()
    ]
    if rows:
        connection.execute(_REFUSE, rows)
        _complain(connection, returner, f"refused: {rows[-1]['why']}", at)


def _trim(connection: sa.Connection, returner: str, before: float, most: int) -> int:
    old = sa.delete(_DUE).where(_DUE.c.returner == returner, _DUE.c.since < before)
    dropped = connection.execute(old).rowcount
    mine = sa.select(_DUE.c.jid, _DUE.c.key).where(_DUE.c.returner == returner)
    excess = connection.execute(sa.select(sa.func.count()).select_from(mine.subquery())).scalar_one() - most
    if excess > 0:
        oldest = mine.order_by(_DUE.c.jid, _DUE.c.key).limit(excess)
        pairs = [(JobId(jid), AgentKey(key)) for jid, key in connection.execute(oldest)]
        dropped += _delete(connection, returner, pairs)
    _count(connection, returner, dropped=dropped)
    return dropped


def _loaded(connection: sa.Connection, pairs: Sequence[Pair], largest: int) -> list[Owed]:
    """Return those of ``pairs`` that are there, in their order, with data of up to ``largest`` bytes."""
    if not pairs:
        return []
    each, jid, key = asked(connection, pairs)
    data = sa.case((sa.and_(_RETURNS.c.chunks == 0, _TARGETS.c.size <= largest), _RETURNS.c.data))
    query = (
        sa.select(*jobs.COLUMNS, *targets.COLUMNS, data, _RETURNS.c.error)
        .select_from(each)
        .join(_TARGETS, sa.and_(_TARGETS.c.jid == jid, _TARGETS.c.key == key))
        .join(_RETURNS, sa.and_(_RETURNS.c.jid == jid, _RETURNS.c.key == key))
        .join(_JOBS, _JOBS.c.jid == jid)
    )
    split = len(jobs.COLUMNS)
    found = {}
    known: dict[str, Job] = {}
    for row in connection.execute(query):
        job = known.get(row[0]) or known.setdefault(row[0], jobs.as_job(row[:split]))
        target = targets.as_target(row[split:-2])
        data_, error = row[-2:]
        found[target.jid, target.key] = Owed(
            job=job,
            target=target,
            data=None if data_ is None else bytes(data_),
            error=None if error is None else msgspec.json.decode(error, type=Error),
        )
    return [found[pair] for pair in pairs if pair in found]


def _counts(connection: sa.Connection) -> dict[str, Counts]:
    query = sa.select(
        _DUE.c.returner,
        sa.func.count().filter(_DUE.c.refused.is_(None)),
        sa.func.count(_DUE.c.refused),
        sa.func.min(sa.case((_DUE.c.refused.is_(None), _DUE.c.since))),
    ).group_by(_DUE.c.returner)
    open_ = {name: rest for name, *rest in connection.execute(query)}
    kept = {row.name: row for row in connection.execute(sa.select(_RETURNERS))}
    return {name: _counts_of(open_.get(name), kept.get(name)) for name in {*open_, *kept}}


def _counts_of(open_: Sequence[Any] | None, kept: Any) -> Counts:
    waiting, refused, oldest = open_ or (0, 0, None)
    total = {} if kept is None else {name: value for name, value in kept._mapping.items() if name != "name"}
    return Counts(waiting=waiting, refused=refused, oldest=oldest, **total)


def _refused(connection: sa.Connection, returner: str, limit: int) -> list[Undelivered]:
    at = sa.and_(_TARGETS.c.jid == _DUE.c.jid, _TARGETS.c.key == _DUE.c.key)
    query = (
        sa.select(_DUE.c.jid, _DUE.c.key, _TARGETS.c.name, _JOBS.c.fun, _DUE.c.since, _DUE.c.refused)
        .outerjoin(_TARGETS, at)
        .outerjoin(_JOBS, _JOBS.c.jid == _DUE.c.jid)
        .where(_DUE.c.returner == returner, _DUE.c.refused.is_not(None))
        .order_by(_DUE.c.jid, _DUE.c.key)
        .limit(limit)
    )
    return [
        Undelivered(
            jid=JobId(jid), key=AgentKey(key), name=name or "", fun=fun or "", since=since, reason=reason
        )
        for jid, key, name, fun, since, reason in connection.execute(query)
    ]
