"""Databases and tablespaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library.postgres.connection import Access, do, made, rows, run
from saltern.library.postgres.quoting import identifier, literal
from saltern.sdk import BadArgument, Host, takes

_DATABASES = """SELECT datname AS "Name", pg_get_userbyid(datdba) AS "Owner",
 pg_encoding_to_char(encoding) AS "Encoding", datcollate AS "Collate", datctype AS "Ctype",
 coalesce(array_to_string(datacl, E'\\n'), '') AS "Access privileges", spcname AS "Tablespace"
 FROM pg_database JOIN pg_tablespace t ON t.oid = dattablespace ORDER BY datname"""
_TABLESPACES = """SELECT spcname AS "Name", pg_get_userbyid(spcowner) AS "Owner",
 coalesce(array_to_string(spcacl, E'\\n'), '') AS "ACL", pg_tablespace_location(oid) AS "Location",
 coalesce(array_to_string(spcoptions, ','), '') AS "Opts" FROM pg_tablespace ORDER BY spcname"""
#: What a database holds that has an owner: statements that give it to another one.
_OWNED = """SELECT what || quote_ident({owner}) AS statement FROM (
 SELECT format('ALTER SCHEMA %I OWNER TO ', nspname) AS what FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
 UNION ALL SELECT format('ALTER %s %I.%I OWNER TO ', CASE relkind WHEN 'v' THEN 'VIEW'
  WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
  nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname !~ '^pg_' AND nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND (d.deptype = 'e'
   OR (c.relkind = 'S' AND d.deptype IN ('a', 'i'))))
 UNION ALL SELECT format('ALTER ROUTINE %s OWNER TO ', p.oid::regprocedure) FROM pg_proc p
  JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')) AS each"""


def databases(host: Host, access: Access) -> dict[str, dict[str, str]]:
    """Return the databases by their names: ``{Owner, Encoding, Collate, Ctype, Tablespace, …}``."""
    return {each.pop("Name"): each for each in rows(host, access, _DATABASES)}


def tablespaces(host: Host, access: Access) -> dict[str, dict[str, str]]:
    """Return the tablespaces by their names: ``{Owner, ACL, Location, Opts}``."""
    return {each.pop("Name"): each for each in rows(host, access, _TABLESPACES)}


@takes(Access)
def version(host: Host, /, **options: Any) -> str:
    """Return the server's version, as it says it.

    Example:
        saltern run '*' postgres.version
    """
    (found,) = rows(host, made(options), "SELECT current_setting('server_version') AS version")
    return str(found["version"])


class Query(Access, frozen=True, kw_only=True):
    """``write`` is accepted as Salt has it: a query may write anyway."""

    write: bool = False


@takes(Query)
def psql_query(host: Host, /, query: str, **options: Any) -> list[dict[str, str]]:
    """Run a query in the database ``maintenance_db``; return its rows, all values as text.

    It is given to ``psql`` as it is: write values into it only quoted. Raises CommandFailed.

    Example:
        saltern run '*' postgres.psql_query 'SELECT datname FROM pg_database'
    """
    import csv
    import io

    said = run(host, made(options), "--csv", "--set=ON_ERROR_STOP=1", stdin=f"{query}\n")
    return list(csv.DictReader(io.StringIO(said, newline="")))


@takes(Access)
def db_list(host: Host, /, **options: Any) -> dict[str, dict[str, str]]:
    """Return the databases by their names: ``{Owner, Encoding, Collate, Ctype, Tablespace, …}``.

    Example:
        saltern run '*' postgres.db_list
    """
    return databases(host, made(options))


@takes(Access)
def db_exists(host: Host, /, name: str, **options: Any) -> bool:
    """Tell whether there is a database.

    Example:
        saltern run '*' postgres.db_exists app
    """
    return name in databases(host, made(options))


class NewDatabase(Access, frozen=True, kw_only=True):
    """What a database is made with; the server's own where it isn't given."""

    tablespace: str | None = None
    encoding: str | None = None
    lc_collate: str | None = None
    lc_ctype: str | None = None
    owner: str | None = None
    template: str | None = None


@takes(NewDatabase)
def db_create(host: Host, /, name: str, **options: Any) -> bool:
    """Make a database. Raises CommandFailed.

    Example:
        saltern run '*' postgres.db_create app owner=app
    """
    new = NewDatabase(**options)
    names = {"OWNER": new.owner, "TEMPLATE": new.template, "TABLESPACE": new.tablespace}
    values = {"ENCODING": new.encoding, "LC_COLLATE": new.lc_collate, "LC_CTYPE": new.lc_ctype}
    words = [f" {word} = {identifier(value, word.lower())}" for word, value in names.items() if value]
    words += [f" {word} = {literal(value, word.lower())}" for word, value in values.items() if value]
    return do(host, new, f"CREATE DATABASE {identifier(name, 'database')}{''.join(words)}")


class AlteredDatabase(Access, frozen=True, kw_only=True):
    """What to change of a database."""

    tablespace: str | None = None
    owner: str | None = None
    owner_recurse: bool = False


@takes(AlteredDatabase)
def db_alter(host: Host, /, name: str, **options: Any) -> bool:
    """Give a database another owner, with all it holds if ``owner_recurse``, or another tablespace.

    Raises CommandFailed.

    Example:
        saltern run '*' postgres.db_alter app owner=web
    """
    new, quoted = AlteredDatabase(**options), identifier(name, "database")
    if new.tablespace:
        do(host, new, f"ALTER DATABASE {quoted} SET TABLESPACE {identifier(new.tablespace, 'tablespace')}")
    if new.owner:
        do(host, new, f"ALTER DATABASE {quoted} OWNER TO {identifier(new.owner, 'owner')}")
    if new.owner and new.owner_recurse:
        give(host, new, name, new.owner)
    return True


@takes(Access)
def db_remove(host: Host, /, name: str, **options: Any) -> bool:
    """Remove a database with all it holds. Raises CommandFailed, as when somebody uses it.

    Example:
        saltern run '*' postgres.db_remove app
    """
    return do(host, made(options), f"DROP DATABASE {identifier(name, 'database')}")


@takes(Access)
def owner_to(host: Host, /, dbname: str, ownername: str, **options: Any) -> bool:
    """Give all schemas, tables, views, sequences and routines of a database to one owner, or none at all.

    What belongs to an extension is left alone. Raises CommandFailed.

    Example:
        saltern run '*' postgres.owner_to app web
    """
    return give(host, made(options), dbname, ownername)


def give(host: Host, access: Access, database: str, owner: str) -> bool:
    """Give what a database holds to an owner."""
    query = _OWNED.format(owner=literal(owner, "owner"))
    return do(host, access, [one["statement"] for one in rows(host, access, query, database)], database)


@takes(Access)
def tablespace_list(host: Host, /, **options: Any) -> dict[str, dict[str, str]]:
    """Return the tablespaces by their names: ``{Owner, ACL, Location, Opts}``.

    Example:
        saltern run '*' postgres.tablespace_list
    """
    return tablespaces(host, made(options))


@takes(Access)
def tablespace_exists(host: Host, /, name: str, **options: Any) -> bool:
    """Tell whether there is a tablespace.

    Example:
        saltern run '*' postgres.tablespace_exists fast
    """
    return name in tablespaces(host, made(options))


class NewTablespace(Access, frozen=True, kw_only=True):
    """``options`` are the tablespace's own: ``{random_page_cost: 1.1}``."""

    options: dict[str, str | int | float] | None = None
    owner: str | None = None


@takes(NewTablespace)
def tablespace_create(host: Host, /, name: str, location: str, **options: Any) -> bool:
    """Make a tablespace in an empty directory that belongs to the server. Raises CommandFailed.

    Example:
        saltern run '*' postgres.tablespace_create fast /srv/fast
    """
    new = NewTablespace(**options)
    owner = f" OWNER {identifier(new.owner, 'owner')}" if new.owner else ""
    chosen = f" WITH ({settings(new.options)})" if new.options else ""
    where = literal(location, "location")
    return do(
        host, new, f"CREATE TABLESPACE {identifier(name, 'tablespace')}{owner} LOCATION {where}{chosen}"
    )


class AlteredTablespace(Access, frozen=True, kw_only=True):
    """What to change of a tablespace."""

    new_name: str | None = None
    new_owner: str | None = None
    set_option: dict[str, str | int | float] | None = None
    reset_option: str | None = None


@takes(AlteredTablespace)
def tablespace_alter(host: Host, /, name: str, **options: Any) -> bool:
    """Change a tablespace's options, owner and name, or none of them. Raises CommandFailed.

    Example:
        saltern run '*' postgres.tablespace_alter fast new_owner=app
    """
    new = AlteredTablespace(**options)
    wanted = [
        f"OWNER TO {identifier(new.new_owner, 'owner')}" if new.new_owner else "",
        f"SET ({settings(new.set_option)})" if new.set_option else "",
        f"RESET ({_option(new.reset_option)})" if new.reset_option else "",
        f"RENAME TO {identifier(new.new_name, 'tablespace')}" if new.new_name else "",
    ]
    quoted = identifier(name, "tablespace")
    return do(host, new, [f"ALTER TABLESPACE {quoted} {one}" for one in wanted if one])


@takes(Access)
def tablespace_remove(host: Host, /, name: str, **options: Any) -> bool:
    """Remove an empty tablespace. Raises CommandFailed.

    Example:
        saltern run '*' postgres.tablespace_remove fast
    """
    return do(host, made(options), f"DROP TABLESPACE {identifier(name, 'tablespace')}")


def settings(wanted: Mapping[str, str | float]) -> str:
    """Return options as SQL. Raises BadArgument."""
    return ", ".join(f"{_option(name)} = {literal(str(value))}" for name, value in wanted.items())


def _option(name: str) -> str:
    if not name.isidentifier() or not name.isascii():
        raise BadArgument(f"{name!r} is no option of a tablespace", hint="such as random_page_cost")
    return name
