"""What a database complains of, told as errors of ours that say what to do."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from saltern.foundation.errors import SalternError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


class DiskFull(Unavailable):
    """The database has no room left; it works again, by itself, once there is some."""

    code = "disk_full"


#: SQLite's primary result codes (the low byte) that an operator can do something about.
_SQLITE: dict[int, tuple[type[Unavailable], str, str]] = {
    sqlite3.SQLITE_FULL: (
        DiskFull,
        "the disk that holds the database is full",
        "make room, or keep fewer jobs; the controller goes on by itself",
    ),
    sqlite3.SQLITE_BUSY: (
        Unavailable,
        "the database is locked by another program",
        "end the program that holds it (a shell, a back-up), then try again",
    ),
    sqlite3.SQLITE_READONLY: (
        Unavailable,
        "the database cannot be written",
        "see that its file and directory belong to the controller's user and that the disk is not read-only",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        Unavailable,
        "the database file cannot be opened",
        "see that its directory exists and belongs to the controller's user",
    ),
    sqlite3.SQLITE_IOERR: (
        Unavailable,
        "the disk fails to read or write the database",
        "look at the kernel's log for disk errors",
    ),
    sqlite3.SQLITE_CORRUPT: (Unavailable, "the database file is damaged", "restore it from a back-up"),
    sqlite3.SQLITE_NOTADB: (
        Unavailable,
        "the file is not a database, or it is damaged",
        "see that the database's address is right, or restore it from a back-up",
    ),
}

#: PostgreSQL's SQLSTATE, or its class (the first two characters), likewise.
_POSTGRESQL: dict[str, tuple[type[Unavailable], str, str]] = {
    "53100": (
        DiskFull,
        "the database server's disk is full",
        "make room there; the controller goes on by itself",
    ),
    "53300": (Unavailable, "the database server has no connection free", "raise its max_connections"),
    "55P03": (
        Unavailable,
        "the database is locked by another program",
        "look in pg_stat_activity for who holds the lock",
    ),
    "25006": (Unavailable, "the database server is read-only", "point the controller at the primary"),
    "28": (Unavailable, "the database server refused the user or password", "see the database's address"),
    "3D": (
        Unavailable,
        "the database does not exist on the server",
        "create it, owned by the controller's user",
    ),
    "42501": (
        Unavailable,
        "the database user lacks a permission",
        "make the controller's user the owner of the database",
    ),
}
_NO_ANSWER = (
    Unavailable,
    "the database server does not answer",
    "see that it runs and that this host reaches it",
)

#: SQLSTATEs after which the same transaction, begun again, can succeed.
_PASSING = {"40001", "40P01"}


def is_passing(error: Exception) -> bool:
    """Tell whether ``error`` is a deadlock or the like: begin the transaction again."""
    return isinstance(error, sa.exc.DBAPIError) and getattr(error.orig, "sqlstate", None) in _PASSING


def translate(error: sa.exc.SQLAlchemyError, where: str) -> SalternError | None:
    """Return what to tell the user of ``error``; None when it is a mistake of this program."""
    if isinstance(error, sa.exc.TimeoutError):
        kind, message, hint = Unavailable, "the database is too busy", "try again; look at what keeps it busy"
    elif not isinstance(error, sa.exc.DBAPIError):
        return None
    elif found := _lookup(error):
        kind, message, hint = found
        message = f"{message} ({str(error.orig).strip()})"
    else:
        return None
    return kind(message, hint=hint, where=where)


def _lookup(error: sa.exc.DBAPIError) -> tuple[type[Unavailable], str, str] | None:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    state = getattr(cause, "sqlstate", None)
    if state is None or state.startswith(("08", "57P")):
        return _NO_ANSWER if isinstance(error, sa.exc.OperationalError) else None
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn database errors inside into ours; ``where`` names the database, without its password."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        ours = translate(error, where)
        if ours is None:
            raise
        raise ours from error
