"""Roll-outs in steps, each as far as it is; and leases: of several controllers one does a thing at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from saltern.controller.store import tables
from saltern.controller.store.sql import upsert
from saltern.model.ids import JobId

if TYPE_CHECKING:
    from saltern.controller.store.database import Database

_ROLLOUTS, _LEASES = tables.rollouts, tables.leases


class Rollouts:
    """What is known of each roll-out, as JSON that its driver understands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, jid: JobId, record: str, *, over: bool) -> None:
        """Record how far a roll-out is."""
        row = {"jid": jid, "record": record, "over": over}
        await self._database.write(lambda connection: upsert(connection, _ROLLOUTS, row) and None)

    async def get(self, jid: JobId) -> str | None:
        """Return how far a roll-out is; None when it is none in steps."""
        query = sa.select(_ROLLOUTS.c.record).where(_ROLLOUTS.c.jid == jid)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())

    async def open(self) -> list[JobId]:
        """Return the roll-outs that are not over, oldest first."""
        query = sa.select(_ROLLOUTS.c.jid).where(~_ROLLOUTS.c.over).order_by(_ROLLOUTS.c.jid)
        return await self._database.read(
            lambda connection: [JobId(row.jid) for row in connection.execute(query)]
        )

    async def forget(self) -> int:
        """Remove roll-outs whose job is gone; return how many."""
        gone = sa.delete(_ROLLOUTS).where(_ROLLOUTS.c.jid.not_in(sa.select(tables.jobs.c.jid)))
        return await self._database.write(lambda connection: connection.execute(gone).rowcount)

    async def lease(self, name: str, holder: str, now: float, until: float) -> bool:
        """Take or keep the lease ``name`` until that time; False while another has it."""
        return await self._database.write(
            lambda connection: _lease(connection, {"name": name, "holder": holder, "until": until}, now)
        )

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back."""
        gone = sa.delete(_LEASES).where(_LEASES.c.name == name, _LEASES.c.holder == holder)
        await self._database.write(lambda connection: connection.execute(gone) and None)


def _lease(connection: sa.Connection, row: dict[str, object], now: float) -> bool:
    upsert(connection, _LEASES, row, replace=False)
    free = sa.or_(_LEASES.c.holder == row["holder"], _LEASES.c.until < now)
    take = sa.update(_LEASES).where(_LEASES.c.name == row["name"], free)
    return connection.execute(take.values(holder=row["holder"], until=row["until"])).rowcount == 1
