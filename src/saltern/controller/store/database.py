"""One database: its address, its threads, and the way work gets to them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from saltern.controller.store import engine, failures, lanes, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

T = TypeVar("T")


class Database:
    """Runs synchronous work on an SQLite or PostgreSQL database for an event loop.

    ``write`` and ``read`` take a function of a connection, run it in one transaction on another thread,
    and return its result. What ``write`` returned is on disk. Errors: Unavailable (and DiskFull) when the
    database cannot do it, and whatever the function raises; then nothing of it has happened.
    """

    def __init__(self, address: str) -> None:
        url = engine.parse(address)
        self.where = url.render_as_string(hide_password=True)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._engines: list[sa.Engine] = []
        with failures.translated(self.where):
            if self.is_sqlite:
                self._open_sqlite(Path(url.database or ""))
            else:
                self._open_postgresql(url)

    def _open_sqlite(self, path: Path) -> None:
        engine.private_file(path)
        writer, readers = engine.sqlite_engine(path, writes=True), engine.sqlite_engine(path, writes=False)
        self._engines = [writer, readers]
        self._prepare(writer)
        self._writes: lanes.Lane = lanes.Writer(writer, self.where, name="saltern-store-writer")
        self._reads: lanes.Lane = lanes.Pool(
            readers, self.where, threads=engine.SQLITE_READERS, name="saltern-store-reader"
        )

    def _open_postgresql(self, url: sa.URL) -> None:
        only = engine.postgresql_engine(url)
        self._engines = [only]
        self._prepare(only)
        self._writes = self._reads = lanes.Pool(
            only, self.where, threads=engine.POSTGRESQL_CONNECTIONS, name="saltern-store"
        )

    def _prepare(self, writer: sa.Engine) -> None:
        try:
            schema.prepare(writer, self.where)
        except BaseException:
            self._dispose()
            raise

    def _dispose(self) -> None:
        for each in self._engines:
            each.dispose()

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a transaction that may write; see the class."""
        return await asyncio.wrap_future(self._writes.submit(work))

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work``, which only reads; on SQLite it sees one moment and waits for no writer."""
        return await asyncio.wrap_future(self._reads.submit(work))

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writes.close()
        self._reads.close()
        self._dispose()
