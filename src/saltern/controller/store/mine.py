"""The mine: what agents have put there for other agents to read, by agent key and name."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import tables
from saltern.controller.store.sql import upsert
from saltern.controller.store.values import plain
from saltern.foundation.errors import Conflict, NotAllowed
from saltern.messages.v1 import MineEntry
from saltern.model.agent import KeyState
from saltern.model.ids import AgentKey

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from saltern.controller.store.database import Database

_MINE = tables.mine
#: What ``list`` tells, in this order.
_TOLD = [_MINE.c[name] for name in ("key", "function", "updated", "allow", "allow_kind", "size")]
#: Agents asked for in one statement.
_AT_ONCE = 500


class Place(msgspec.Struct, frozen=True):
    """One entry without its data: whose, its name, when it was put, who may read it, its size in bytes."""

    key: AgentKey
    function: str
    updated: float
    allow: str
    allow_kind: str
    size: int


class Found(msgspec.Struct, frozen=True):
    """One entry: its data is JSON."""

    key: AgentKey
    function: str
    allow: str
    allow_kind: str
    data: bytes


class Room(msgspec.Struct, frozen=True):
    """What one agent may keep: so many entries, and bytes of all together."""

    entries: int
    bytes: int


class Mine:
    """What agents tell each other. An agent that is forgotten takes its entries along."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, key: AgentKey, entries: Mapping[str, MineEntry], *, only: bool, at: float, room: Room
    ) -> list[str]:
        """Keep the entries that came with data, and return the names of those without that we lack.

        ``only`` forgets the others. Raises NotAllowed when no accepted agent has the key, Conflict when it
        would have more than its room: then nothing has happened.
        """
        return await self._database.write(lambda connection: _put(connection, key, entries, only, at, room))

    async def get(
        self,
        keys: Sequence[AgentKey],
        functions: Collection[str],
        *,
        after: tuple[AgentKey, str] | None = None,
        limit: int,
    ) -> tuple[list[Found], bool]:
        """Return what these agents have under these names, by key and name, and whether there is more.

        It begins behind ``after``, and ends once there are ``limit`` bytes, with at least one entry.
        """
        start = None if after is None else after[0]
        wanted = [key for key in sorted(keys) if start is None or key >= start]
        return await self._database.read(lambda connection: _get(connection, wanted, functions, after, limit))

    async def list(self, keys: Collection[AgentKey]) -> list[Place]:
        """Return what these agents have, without the data."""
        query = sa.select(*_TOLD).order_by(_MINE.c.key, _MINE.c.function)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Place(*row) for row in rows if row.key in keys]

    async def drop(self, keys: Collection[AgentKey], functions: Collection[str] | None) -> int:
        """Forget what these agents have under these names, or all of it; return how many entries."""
        return await self._database.write(lambda connection: _drop(connection, keys, functions))


def _put(
    connection: sa.Connection,
    key: AgentKey,
    entries: Mapping[str, MineEntry],
    only: bool,
    at: float,
    room: Room,
) -> list[str]:
    _require_agent(connection, key)
    if only:
        others = sa.and_(_MINE.c.key == key, _MINE.c.function.not_in(list(entries)))
        connection.execute(sa.delete(_MINE).where(others))
    rows = [
        _row(key, name, entry, entry.data, at) for name, entry in entries.items() if entry.data is not None
    ]
    if rows:
        upsert(connection, _MINE, rows)
    _require_room(connection, key, room)
    digests = sa.select(_MINE.c.function, _MINE.c.digest).where(_MINE.c.key == key)
    known = {function: bytes(digest) for function, digest in connection.execute(digests)}
    return [name for name, entry in entries.items() if entry.data is None and known.get(name) != entry.digest]


def _require_agent(connection: sa.Connection, key: AgentKey) -> None:
    """See that the agent is accepted, and stays so until this transaction has ended."""
    agents = tables.agents
    query = sa.select(agents.c.state).where(agents.c.key == key).with_for_update()
    if connection.execute(query).scalar() != KeyState.ACCEPTED:
        raise NotAllowed("this key is not accepted here", hint="join again")


def _require_room(connection: sa.Connection, key: AgentKey, room: Room) -> None:
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_MINE.c.size), 0))
    count, size = connection.execute(query.where(_MINE.c.key == key)).one()
    if count > room.entries or size > room.bytes:
        raise Conflict(
            f"{count} entries of {size} bytes in the mine; an agent may have {room.entries} of {room.bytes}",
            hint="mine less, or raise mine.entries and mine.bytes in controller.yaml",
        )


def _row(key: AgentKey, name: str, entry: MineEntry, data: bytes, at: float) -> dict[str, Any]:
    return {
        "key": key,
        "function": plain(name),
        "updated": at,
        "allow": plain(entry.allow),
        "allow_kind": plain(entry.allow_kind),
        "digest": entry.digest,
        "size": len(data) + len(name),
        "data": data,
    }


def _get(
    connection: sa.Connection,
    keys: Sequence[AgentKey],
    functions: Collection[str],
    after: tuple[AgentKey, str] | None,
    limit: int,
) -> tuple[list[Found], bool]:
    found: list[Found] = []
    size = 0
    for start in range(0, len(keys), _AT_ONCE):
        with closing(connection.execute(_query(keys[start : start + _AT_ONCE], functions, after))) as rows:
            for row in rows:
                one = Found(*row)
                if found and size + len(one.data) > limit:
                    return found, True
                found.append(one)
                size += len(one.data)
    return found, False


def _query(
    keys: Sequence[AgentKey], functions: Collection[str], after: tuple[AgentKey, str] | None
) -> sa.Select[Any]:
    columns = _MINE.c
    query = (
        sa.select(columns.key, columns.function, columns.allow, columns.allow_kind, columns.data)
        .where(columns.key.in_(keys), columns.function.in_(list(functions)))
        .order_by(columns.key, columns.function)
        .execution_options(yield_per=16)
    )
    if after is None:
        return query
    key, function = after
    return query.where(sa.or_(columns.key > key, sa.and_(columns.key == key, columns.function > function)))


def _drop(connection: sa.Connection, keys: Collection[AgentKey], functions: Collection[str] | None) -> int:
    query = sa.delete(_MINE).where(_MINE.c.key.in_(list(keys)))
    if functions is not None:
        query = query.where(_MINE.c.function.in_(list(functions)))
    return connection.execute(query).rowcount
