"""The store as the controller holds it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from saltern.controller.store.agents import Agents
from saltern.controller.store.audit import Audit
from saltern.controller.store.database import Database
from saltern.controller.store.deliveries import Deliveries
from saltern.controller.store.drift import Drifts
from saltern.controller.store.jobs import Jobs
from saltern.controller.store.meta import Meta
from saltern.controller.store.mine import Mine
from saltern.controller.store.plans import Plans
from saltern.controller.store.retention import Retention
from saltern.controller.store.returns import Returns
from saltern.controller.store.rollouts import Rollouts
from saltern.controller.store.targets import Targets
from saltern.controller.store.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path


class Store:
    """All that the controller remembers. Make it with ``open``; ``address`` never shows a password."""

    def __init__(self, database: Database, *, anchor: Path) -> None:
        self._database = database
        self.address = database.where
        self.agents = Agents(database)
        self.mine = Mine(database)
        self.tokens = Tokens(database)
        self.jobs = Jobs(database)
        self.targets = Targets(database)
        self.returns = Returns(database)
        self.deliveries = Deliveries(database)
        self.plans = Plans(database)
        self.rollouts = Rollouts(database)
        self.drift = Drifts(database)
        self.retention = Retention(database)
        self.audit = Audit(database, anchor)
        self.meta = Meta(database)

    @classmethod
    async def open(cls, address: str, *, anchor: Path) -> Self:
        """Open the database at ``address``, made and brought to the present schema as needed.

        ``address`` is ``sqlite:////absolute/path`` or ``postgresql://user@host/name``; ``anchor`` is a
        private file outside the database that the audit log is checked against. Raises SettingsError when
        the address is wrong or the schema is newer, Unavailable when the database does not answer.
        """
        database = await asyncio.to_thread(Database, address)
        try:
            return cls(database, anchor=anchor)
        except BaseException:
            await database.close()
            raise

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""
        self.audit.close()
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
