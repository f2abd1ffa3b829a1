"""Databases, tables, queries, and the server itself."""

from __future__ import annotations

from typing import Any

from saltern.library.mysql.connection import Access, Row, ask, do, made, rows
from saltern.library.mysql.quoting import identifier, literal
from saltern.sdk import Host, takes

_SCHEMATA = (
    "SELECT SCHEMA_NAME AS name, DEFAULT_CHARACTER_SET_NAME AS character_set,"
    " DEFAULT_COLLATION_NAME AS collate_name FROM information_schema.SCHEMATA"
)


def found(host: Host, access: Access, name: str) -> dict[str, str]:
    """Return a database: ``{character_set, collate}``; nothing when there is none."""
    listed = rows(host, access, f"{_SCHEMATA} WHERE SCHEMA_NAME = {literal(name, 'database')}")
    exact = [one for one in listed if one["name"] == name]  # names may be compared without regard to case
    return {
        shown: exact[0][kind] or ""
        for shown, kind in (("character_set", "character_set"), ("collate", "collate_name"))
        if exact
    }


def charset(character_set: str | None, collate: str | None) -> str:
    """Return what a database's text is kept as, as SQL."""
    words = f" CHARACTER SET {literal(character_set)}" if character_set else ""
    return words + (f" COLLATE {literal(collate)}" if collate else "")


@takes(Access)
def query(host: Host, /, database: str, query: str, **options: Any) -> dict[str, Any]:
    """Run a query in a database; return ``{columns, results, "rows returned"}`` or ``{"rows affected"}``.

    ``results`` are lists of values as text. The query is given to the client as it is: write values into it
    only quoted. Of several queries the last one's rows are returned. Raises CommandFailed.

    Example:
        saltern run '*' mysql.query mysql 'SELECT User, Host FROM user'
    """
    access = Access(**{**options, "connection_db": database})
    begun = host.steady()
    listed, changed = ask(host, access, query)
    took = host.steady() - begun
    time = {"raw": f"{took:.5f}", "human": f"{took * 1000:.1f}ms"}
    if not listed and changed >= 0:
        return {"query time": time, "rows affected": changed}
    results = [list(row.values()) for row in listed]
    columns = list(listed[0]) if listed else []
    return {"query time": time, "rows returned": len(listed), "columns": columns, "results": results}


@takes(Access)
def version(host: Host, /, **options: Any) -> str:
    """Return the server's version, as it says it.

    Example:
        saltern run '*' mysql.version
    """
    return str(rows(host, made(options), "SELECT VERSION() AS version")[0]["version"])


@takes(Access)
def status(host: Host, /, **options: Any) -> dict[str, str | None]:
    """Return the server's counters by their names.

    Example:
        saltern run '*' mysql.status
    """
    return _pairs(rows(host, made(options), "SHOW GLOBAL STATUS"))


@takes(Access)
def showvariables(host: Host, /, **options: Any) -> dict[str, str | None]:
    """Return the server's variables by their names.

    Example:
        saltern run '*' mysql.showvariables
    """
    return _pairs(rows(host, made(options), "SHOW VARIABLES"))


@takes(Access)
def processlist(host: Host, /, **options: Any) -> list[Row]:
    """Return what the server is doing: a row for each connection.

    Example:
        saltern run '*' mysql.processlist
    """
    return rows(host, made(options), "SHOW FULL PROCESSLIST")


@takes(Access)
def db_list(host: Host, /, **options: Any) -> list[str]:
    """Return the names of the databases.

    Example:
        saltern run '*' mysql.db_list
    """
    return [one["name"] or "" for one in rows(host, made(options), f"{_SCHEMATA} ORDER BY SCHEMA_NAME")]


@takes(Access)
def db_get(host: Host, /, name: str, **options: Any) -> dict[str, str]:
    """Return a database: ``{character_set, collate}``; nothing when there is none.

    Example:
        saltern run '*' mysql.db_get app
    """
    return found(host, made(options), name)


@takes(Access)
def db_exists(host: Host, /, name: str, **options: Any) -> bool:
    """Tell whether there is a database.

    Example:
        saltern run '*' mysql.db_exists app
    """
    return bool(found(host, made(options), name))


@takes(Access)
def db_tables(host: Host, /, name: str, **options: Any) -> list[str]:
    """Return the names of a database's tables. Raises CommandFailed.

    Example:
        saltern run '*' mysql.db_tables app
    """
    listed = rows(host, made(options), f"SHOW TABLES IN {identifier(name, 'database')}")
    return [str(next(iter(one.values()))) for one in listed]


@takes(Access)
def db_create(
    host: Host, /, name: str, character_set: str | None = None, collate: str | None = None, **options: Any
) -> bool:
    """Make a database. Raises CommandFailed.

    Example:
        saltern run '*' mysql.db_create app character_set=utf8mb4
    """
    kept = charset(character_set, collate)
    return do(host, made(options), f"CREATE DATABASE {identifier(name, 'database')}{kept}")


@takes(Access)
def alter_db(
    host: Host, /, name: str, character_set: str | None = None, collate: str | None = None, **options: Any
) -> bool:
    """Change what new tables of a database keep text as. Raises CommandFailed.

    Example:
        saltern run '*' mysql.alter_db app collate=utf8mb4_bin
    """
    kept = charset(character_set, collate)
    return do(host, made(options), f"ALTER DATABASE {identifier(name, 'database')}{kept}")


@takes(Access)
def db_remove(host: Host, /, name: str, **options: Any) -> bool:
    """Remove a database with all it holds. Raises CommandFailed.

    Example:
        saltern run '*' mysql.db_remove app
    """
    return do(host, made(options), f"DROP DATABASE {identifier(name, 'database')}")


def _pairs(listed: list[Row]) -> dict[str, str | None]:
    return {str(one["Variable_name"]): one["Value"] for one in listed}
