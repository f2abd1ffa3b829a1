"""Small facts about this installation: a name, a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from saltern.controller.store import tables
from saltern.controller.store.sql import upsert

if TYPE_CHECKING:
    from saltern.controller.store.database import Database


class Meta:
    """A few names with a text each; for facts of the installation, not for data that grows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> str | None:
        """Return the text of ``name``; None when it was never set."""
        query = sa.select(tables.meta.c.value).where(tables.meta.c.name == name)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())

    async def set(self, name: str, value: str) -> None:
        """Set the text of ``name``."""
        await self._database.write(
            lambda connection: upsert(connection, tables.meta, {"name": name, "value": value})
        )

    async def set_once(self, name: str, value: str) -> str:
        """Set ``name`` unless it is set, and return its text: of many who try, all get the first's."""

        def work(connection: sa.Connection) -> str:
            upsert(connection, tables.meta, {"name": name, "value": value}, replace=False)
            query = sa.select(tables.meta.c.value).where(tables.meta.c.name == name)
            return str(connection.execute(query).scalar_one())

        return await self._database.write(work)

    async def delete(self, name: str) -> None:
        """Forget ``name``; nothing happens when it was never set."""
        query = sa.delete(tables.meta).where(tables.meta.c.name == name)
        await self._database.write(lambda connection: connection.execute(query) and None)
