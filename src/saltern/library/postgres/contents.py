"""What a database holds: schemas, extensions, languages."""

from __future__ import annotations

from typing import Any

from saltern.library.postgres.connection import Access, do, made, rows
from saltern.library.postgres.quoting import identifier, literal
from saltern.sdk import CommandFailed, Host, takes

_SCHEMAS = """SELECT nspname AS name, pg_get_userbyid(nspowner) AS owner,
 coalesce(array_to_string(nspacl, ','), '') AS acl FROM pg_namespace
 WHERE nspname !~ '^pg_(toast|temp)' ORDER BY nspname"""
_EXTENSIONS = """SELECT extname AS name, extversion, nspname AS schema_name, extrelocatable,
 pg_get_userbyid(extowner) AS owner FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
 ORDER BY extname"""
_AVAILABLE = "SELECT name, default_version, comment FROM pg_available_extensions ORDER BY name"
_LANGUAGES = "SELECT lanname AS name FROM pg_language ORDER BY lanname"


class DatabaseAccess(Access, frozen=True, kw_only=True):
    """How a database's inside is reached, with the names that Salt's schema functions have for it."""

    db_user: str | None = None
    db_password: str | None = None
    db_host: str | None = None
    db_port: int | str | None = None


def inside(options: DatabaseAccess) -> Access:
    """Return the access; ``user`` is the account to run as where the ``db_…`` names are used."""
    return Access(
        user=options.db_user,
        host=options.db_host or options.host,
        port=options.db_port or options.port,
        password=options.db_password or options.password,
        runas=options.runas or options.user,
    )


def schemas(host: Host, access: Access, database: str) -> dict[str, dict[str, str]]:
    """Return a database's schemas by their names: ``{owner, acl}``."""
    return {each.pop("name"): each for each in rows(host, access, _SCHEMAS, database)}


def extensions(host: Host, access: Access, database: str = "") -> dict[str, dict[str, Any]]:
    """Return the installed extensions by their names: ``{extversion, schema_name, …}``."""
    return {each.pop("name"): each for each in rows(host, access, _EXTENSIONS, database)}


def available(host: Host, access: Access) -> dict[str, dict[str, Any]]:
    """Return the extensions that can be installed by their names: ``{default_version, comment}``."""
    return {each.pop("name"): each for each in rows(host, access, _AVAILABLE)}


def languages(host: Host, access: Access, database: str) -> list[str]:
    """Return the names of a database's languages."""
    return [each["name"] for each in rows(host, access, _LANGUAGES, database)]


@takes(DatabaseAccess)
def schema_list(host: Host, /, dbname: str, **options: Any) -> dict[str, dict[str, str]]:
    """Return a database's schemas by their names: ``{owner, acl}``.

    Example:
        saltern run '*' postgres.schema_list app
    """
    return schemas(host, inside(DatabaseAccess(**options)), dbname)


@takes(DatabaseAccess)
def schema_get(host: Host, /, dbname: str, name: str, **options: Any) -> dict[str, str] | None:
    """Return a schema: ``{owner, acl}``; nothing when there is none.

    Example:
        saltern run '*' postgres.schema_get app public
    """
    return schemas(host, inside(DatabaseAccess(**options)), dbname).get(name)


@takes(DatabaseAccess)
def schema_exists(host: Host, /, dbname: str, name: str, **options: Any) -> bool:
    """Tell whether a database has a schema.

    Example:
        saltern run '*' postgres.schema_exists app public
    """
    return name in schemas(host, inside(DatabaseAccess(**options)), dbname)


class NewSchema(DatabaseAccess, frozen=True, kw_only=True):
    """What a schema is made with."""

    owner: str | None = None


@takes(NewSchema)
def schema_create(host: Host, /, dbname: str, name: str, **options: Any) -> bool:
    """Make a schema in a database. Raises CommandFailed.

    Example:
        saltern run '*' postgres.schema_create app audit owner=app
    """
    new = NewSchema(**options)
    owner = f" AUTHORIZATION {identifier(new.owner, 'owner')}" if new.owner else ""
    return do(host, inside(new), f"CREATE SCHEMA {identifier(name, 'schema')}{owner}", dbname)


@takes(DatabaseAccess)
def schema_remove(host: Host, /, dbname: str, name: str, **options: Any) -> bool:
    """Remove an empty schema. Raises CommandFailed.

    Example:
        saltern run '*' postgres.schema_remove app audit
    """
    access = inside(DatabaseAccess(**options))
    return do(host, access, f"DROP SCHEMA {identifier(name, 'schema')}", dbname)


@takes(Access)
def available_extensions(host: Host, /, **options: Any) -> dict[str, dict[str, Any]]:
    """Return the extensions that can be installed by their names: ``{default_version, comment}``.

    Example:
        saltern run '*' postgres.available_extensions
    """
    return available(host, made(options))


@takes(Access)
def installed_extensions(host: Host, /, **options: Any) -> dict[str, dict[str, Any]]:
    """Return the extensions of the database ``maintenance_db`` by their names: ``{extversion, …}``.

    Example:
        saltern run '*' postgres.installed_extensions maintenance_db=app
    """
    return extensions(host, made(options))


@takes(Access)
def get_available_extension(host: Host, /, name: str, **options: Any) -> dict[str, Any] | None:
    """Return an extension that can be installed: ``{default_version, comment}``; nothing if it can't.

    Example:
        saltern run '*' postgres.get_available_extension hstore
    """
    return available(host, made(options)).get(name)


@takes(Access)
def get_installed_extension(host: Host, /, name: str, **options: Any) -> dict[str, Any] | None:
    """Return an installed extension: ``{extversion, schema_name, …}``; nothing when it isn't there.

    Example:
        saltern run '*' postgres.get_installed_extension plpgsql
    """
    return extensions(host, made(options)).get(name)


@takes(Access)
def is_available_extension(host: Host, /, name: str, **options: Any) -> bool:
    """Tell whether an extension can be installed.

    Example:
        saltern run '*' postgres.is_available_extension hstore
    """
    return name in available(host, made(options))


@takes(Access)
def is_installed_extension(host: Host, /, name: str, **options: Any) -> bool:
    """Tell whether an extension is installed.

    Example:
        saltern run '*' postgres.is_installed_extension plpgsql
    """
    return name in extensions(host, made(options))


class NewExtension(Access, frozen=True, kw_only=True):
    """What an extension is installed with. ``from_version`` is only for servers before 13."""

    if_not_exists: bool | None = None
    schema: str | None = None
    ext_version: str | None = None
    from_version: str | None = None


@takes(NewExtension)
def create_extension(host: Host, /, name: str, **options: Any) -> bool:
    """Install an extension, or bring one that is there to the version and the schema asked for.

    Raises CommandFailed.

    Example:
        saltern run '*' postgres.create_extension hstore maintenance_db=app
    """
    new = NewExtension(**options)
    there = extensions(host, new).get(name)
    quoted = identifier(name, "extension")
    if there is None:
        return do(
            host, new, f"CREATE EXTENSION {'IF NOT EXISTS ' if new.if_not_exists else ''}{quoted}{_with(new)}"
        )
    return do(host, new, [f"ALTER EXTENSION {quoted} {one}" for one in alterations(there, new)])


def alterations(there: dict[str, Any], new: NewExtension) -> list[str]:
    """Return what is to be altered of an installed extension, as SQL."""
    wanted = []
    if new.ext_version and new.ext_version != there["extversion"]:
        wanted.append(f"UPDATE TO {literal(new.ext_version)}")
    if new.schema and new.schema != there["schema_name"]:
        wanted.append(f"SET SCHEMA {identifier(new.schema, 'schema')}")
    return wanted


def _with(new: NewExtension) -> str:
    words = [f" SCHEMA {identifier(new.schema, 'schema')}" if new.schema else ""]
    words += [f" VERSION {literal(new.ext_version)}" if new.ext_version else ""]
    words += [f" FROM {literal(new.from_version)}" if new.from_version else ""]
    return "".join(words)


class DroppedExtension(Access, frozen=True, kw_only=True):
    """``cascade`` also removes what needs the extension; ``restrict``, the server's own way, refuses."""

    if_exists: bool | None = None
    restrict: bool | None = None
    cascade: bool | None = None


@takes(DroppedExtension)
def drop_extension(host: Host, /, name: str, **options: Any) -> bool:
    """Remove an extension. Raises CommandFailed, as when something needs it.

    Example:
        saltern run '*' postgres.drop_extension hstore maintenance_db=app
    """
    how = DroppedExtension(**options)
    if how.restrict and how.cascade:
        raise CommandFailed("restrict and cascade contradict each other")
    end = " CASCADE" if how.cascade else " RESTRICT" if how.restrict else ""
    there = "IF EXISTS " if how.if_exists else ""
    return do(host, how, f"DROP EXTENSION {there}{identifier(name, 'extension')}{end}")


@takes(Access)
def language_list(host: Host, /, maintenance_db: str, **options: Any) -> dict[str, str]:
    """Return the names of a database's languages, each with itself.

    Example:
        saltern run '*' postgres.language_list app
    """
    return {one: one for one in languages(host, made(options), maintenance_db)}


@takes(Access)
def language_exists(host: Host, /, name: str, maintenance_db: str, **options: Any) -> bool:
    """Tell whether a database has a language.

    Example:
        saltern run '*' postgres.language_exists plpgsql app
    """
    return name in languages(host, made(options), maintenance_db)


@takes(Access)
def language_create(host: Host, /, name: str, maintenance_db: str, **options: Any) -> bool:
    """Add a language to a database. Raises CommandFailed.

    Example:
        saltern run '*' postgres.language_create plperl app
    """
    return do(host, made(options), f"CREATE LANGUAGE {identifier(name, 'language')}", maintenance_db)


@takes(Access)
def language_remove(host: Host, /, name: str, maintenance_db: str, **options: Any) -> bool:
    """Remove a language from a database. Raises CommandFailed.

    Example:
        saltern run '*' postgres.language_remove plperl app
    """
    return drop_language(host, made(options), name, maintenance_db)


def drop_language(host: Host, access: Access, name: str, database: str) -> bool:
    """Remove a language, or the extension that brought it."""
    kind = "EXTENSION" if name in extensions(host, access, database) else "LANGUAGE"
    return do(host, access, f"DROP {kind} {identifier(name, 'language')}", database)
