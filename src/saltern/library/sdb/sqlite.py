"""Values in a table of an SQLite database: columns ``key`` and ``value``, the latter MessagePack."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, TypeVar

import msgspec

from saltern.sdk import BadArgument, Host, NotFound, SettingsError

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Sqlite:
    """Profile: ``database``, a path; ``table`` (``sdb``); ``create_table: true`` makes what is missing."""

    def get(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Return a value; None where there is none. Raises NotFound without database, SettingsError."""
        table = _table(profile)

        def read(connection: sqlite3.Connection) -> Any:
            query = f"SELECT value FROM {table} WHERE key = ?"  # noqa: S608
            return connection.execute(query, (key,)).fetchone()

        row = _with(host, profile, read, keep=False)
        return None if row is None else _decoded(row[0])

    def set(self, host: Host, key: str, value: Any, profile: Mapping[str, Any]) -> Any:
        """Keep a value. Raises BadArgument for what is no plain data."""
        table = _table(profile)
        try:
            packed = msgspec.msgpack.encode(value)
        except (TypeError, OverflowError) as error:
            raise BadArgument(f"this can't be kept: {error}") from None

        def write(connection: sqlite3.Connection) -> bool:
            connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608
            connection.execute(f"INSERT INTO {table} (key, value) VALUES (?, ?)", (key, packed))  # noqa: S608
            return True

        return _with(host, profile, write, keep=True)

    def delete(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Forget a value; tell whether there was one."""
        table = _table(profile)

        def remove(connection: sqlite3.Connection) -> bool:
            return connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,)).rowcount > 0  # noqa: S608

        return _with(host, profile, remove, keep=True)


def _table(profile: Mapping[str, Any]) -> str:
    name = str(profile.get("table", "sdb"))
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} can't be the name of a table", hint="letters, digits and _")
    return name


def _with(
    host: Host, profile: Mapping[str, Any], work: Callable[[sqlite3.Connection], T], *, keep: bool
) -> T:
    """Return what ``work`` makes of the database, read whole and, with ``keep``, written back in one step."""
    path = profile.get("database")
    if not isinstance(path, str):
        raise SettingsError("an sdb profile with the driver sqlite3 needs a database", hint="database: PATH")
    if not keep:
        return _worked(host, path, profile, work)[0]
    with host.lock(f"{path}.lock"):
        done, content = _worked(host, path, profile, work)
        host.write(path, content, mode=None if host.exists(path) else 0o600)
    return done


def _worked(
    host: Host, path: str, profile: Mapping[str, Any], work: Callable[[sqlite3.Connection], T]
) -> tuple[T, bytes]:
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            _load(connection, host, path, bool(profile.get("create_table")))
            if profile.get("create_table"):
                statement = f"CREATE TABLE IF NOT EXISTS {_table(profile)} (key TEXT, value BLOB)"
                connection.execute(statement)
            done = work(connection)
            connection.commit()
        except sqlite3.Error as error:
            raise SettingsError(f"this database can't be used: {error}", where=path) from None
        return done, connection.serialize()


def _load(connection: sqlite3.Connection, host: Host, path: str, make: bool) -> None:
    try:
        connection.deserialize(host.read(path))
    except NotFound:
        if not make:
            raise


def _decoded(value: Any) -> Any:
    """Return a value as it was kept; text that others put there is text."""
    if not isinstance(value, bytes):
        return value
    try:
        return msgspec.msgpack.decode(value)
    except msgspec.DecodeError:
        return value.decode(errors="replace")
