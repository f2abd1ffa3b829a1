"""Connections: what address is meant, and how each database is set up so that it loses nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from saltern.foundation.atomic import private_directory, sync_directory
from saltern.foundation.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds to wait for somebody else's lock before it is an error.
LOCK_WAIT = 15
#: Threads, and connections, that read SQLite beside the one that writes; and all of PostgreSQL's.
SQLITE_READERS = 3
POSTGRESQL_CONNECTIONS = 6

_HINT = "write sqlite:////var/lib/saltern/controller/store.db or postgresql://user@host/saltern"


def parse(address: str) -> sa.URL:
    """Return the URL in ``address``: SQLite with an absolute path, or PostgreSQL. Raises SettingsError."""
    try:
        url = sa.make_url(address)
    except sa.exc.ArgumentError as error:
        raise SettingsError(f"not a database address: {address!r}", hint=_HINT) from error
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite":
        raise SettingsError(f"no support for the database {url.drivername!r}", hint=_HINT)
    if not url.database or not Path(url.database).is_absolute():
        raise SettingsError("an SQLite database needs an absolute path", hint=_HINT)
    return url


def sqlite_engine(path: Path, *, writes: bool) -> sa.Engine:
    """Return an engine for the file: one connection that writes, or a few that can only read.

    Write-ahead log, flushed at every commit: what is acknowledged survives kill -9 and a power cut.
    """
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        pool_size=1 if writes else SQLITE_READERS,
        max_overflow=0,
        connect_args={"timeout": LOCK_WAIT},
        hide_parameters=True,  # data has no place in errors and logs
    )
    sa.event.listen(engine, "connect", _prepare_sqlite(writes))
    sa.event.listen(engine, "begin", _begin("BEGIN IMMEDIATE" if writes else "BEGIN"))
    return engine


def _prepare_sqlite(writes: bool) -> Callable[[Any, Any], None]:
    pragmas = ["PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL", "PRAGMA cache_size = -16000"]
    if writes:
        # The first can only be chosen before the first table exists; later it is ignored.
        pragmas = [
            "PRAGMA auto_vacuum = INCREMENTAL",
            "PRAGMA journal_mode = WAL",
            "PRAGMA journal_size_limit = 67108864",
            *pragmas,
        ]
    else:
        pragmas.append("PRAGMA query_only = ON")

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where _begin says, and nowhere else
        for pragma in pragmas:
            connection.execute(pragma)

    return prepare


def _begin(statement: str) -> Callable[[sa.Connection], None]:
    return lambda connection: _execute(connection, statement)


def _execute(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def postgresql_engine(url: sa.URL) -> sa.Engine:
    """Return an engine with a small pool; a connection the server has dropped is replaced unseen."""
    try:
        return sa.create_engine(
            url,
            pool_size=POSTGRESQL_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "application_name": "saltern",
                "options": f"-c lock_timeout={LOCK_WAIT * 1000} -c timezone=UTC",
            },
        )
    except ModuleNotFoundError as error:
        raise SettingsError(
            "PostgreSQL needs the package psycopg, which is not installed",
            hint="pip install 'saltern[postgresql]'",
        ) from error


def private_file(path: Path) -> None:
    """See that ``path`` exists and that nobody else can read it (0600), from its first byte.

    A directory that is missing is made 0700. Raises SettingsError when others could replace the file.
    """
    if not path.parent.exists():
        private_directory(path.parent)
    mode = path.parent.stat().st_mode
    if mode & 0o022 and not mode & stat.S_ISVTX:
        raise SettingsError(
            "others may write the database's directory",
            where=str(path.parent),
            hint=f"chmod 700 {path.parent}",
        )
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        _tighten(path)
    else:
        os.close(descriptor)
        sync_directory(path.parent)


def _tighten(path: Path) -> None:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise SettingsError("the database is not a regular file", where=str(path), hint=_HINT)
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if file.exists() and file.stat().st_mode & 0o077:
            file.chmod(0o600)
