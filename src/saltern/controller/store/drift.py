"""Whether agents are as declared, as the last look at each said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import tables
from saltern.controller.store.sql import upsert
from saltern.controller.store.values import plain
from saltern.model.drift import Drift

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from saltern.controller.store.database import Database
    from saltern.model.ids import AgentKey

_DRIFT = tables.drift
_FIELDS = Drift.__struct_fields__
_COLUMNS = [_DRIFT.c[name] for name in _FIELDS]


class Drifts:
    """What is known of each agent that was looked at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, keys: Collection[AgentKey] | None = None) -> list[Drift]:
        """Return what is known of ``keys``, or of all, by name."""
        query = sa.select(*_COLUMNS).order_by(_DRIFT.c.name, _DRIFT.c.key)
        found = await self._database.read(
            lambda connection: [_drift(row) for row in connection.execute(query)]
        )
        return [one for one in found if keys is None or one.key in keys]

    async def record(self, looks: Sequence[Drift]) -> list[Drift]:
        """Record what looks have found; return it, each with the time since when it is so."""
        return await self._database.write(lambda connection: _record(connection, looks))


def _record(connection: sa.Connection, looks: Sequence[Drift]) -> list[Drift]:
    known = {one.key: one for one in map(_drift, connection.execute(sa.select(*_COLUMNS)))}
    merged = [_since(known.get(look.key), look) for look in looks]
    if merged:
        upsert(connection, _DRIFT, [_row(one) for one in merged])
    return merged


def _since(before: Drift | None, look: Drift) -> Drift:
    """Return a look with the time since when it is so; one that did not come about leaves what is known."""
    if before is None:
        return look
    if look.missed:
        return msgspec.structs.replace(before, name=look.name, missed=look.missed)
    same = before.state is look.state
    return msgspec.structs.replace(look, since=before.since) if same else look


def _row(one: Drift) -> dict[str, object]:
    row: dict[str, object] = msgspec.structs.asdict(one)
    texts = {name: plain(str(row[name])) for name in ("error", "missed")}
    differs = plain(msgspec.json.encode(one.differs).decode())
    return row | texts | {"state": one.state.value, "differs": differs}


def _drift(row: Sequence[Any]) -> Drift:
    values = dict(zip(_FIELDS, row, strict=True))
    values["differs"] = msgspec.json.decode(str(values["differs"]))
    return msgspec.convert(values, Drift)
