"""Roles, which PostgreSQL's users and groups are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from saltern.library.postgres import passwords
from saltern.library.postgres.connection import Access, do, made, rows
from saltern.library.postgres.quoting import identifier, literal
from saltern.sdk import BadArgument, Host, takes

_QUERY = """SELECT rolname AS name, rolsuper AS superuser, rolinherit AS "inherits privileges",
 rolcreaterole AS "can create roles", rolcreatedb AS "can create databases", rolcanlogin AS "can login",
 rolreplication AS replication, rolconnlimit AS connections, rolvaliduntil::text AS "expiry time",
 to_json(rolconfig) AS "defaults variables", coalesce((SELECT json_agg(up.rolname ORDER BY up.rolname)
 FROM pg_auth_members m JOIN pg_roles up ON up.oid = m.roleid WHERE m.member = r.oid), '[]') AS groups"""
#: Attributes by the argument that sets them: the word of SQL, and the name in what is listed.
FLAGS: Mapping[str, tuple[str, str]] = {
    "createdb": ("CREATEDB", "can create databases"),
    "createroles": ("CREATEROLE", "can create roles"),
    "superuser": ("SUPERUSER", "superuser"),
    "replication": ("REPLICATION", "replication"),
    "inherit": ("INHERIT", "inherits privileges"),
    "login": ("LOGIN", "can login"),
}


class Role(Access, frozen=True, kw_only=True):
    """A role's attributes; those that are not given are left alone, or the server's own for a new role.

    ``encrypted`` is how the password is kept: ``md5`` (or true), ``scram-sha-256``, false to let the server
    do it; unless given, as the server's ``password_encryption`` says.
    """

    createdb: bool | None = None
    createroles: bool | None = None
    encrypted: bool | str | None = None
    superuser: bool | None = None
    replication: bool | None = None
    inherit: bool | None = None
    login: bool | None = None
    connlimit: int | None = None
    rolepassword: str | None = None
    valid_until: str | None = None
    groups: str | list[str] | None = None


class Listing(Access, frozen=True, kw_only=True):
    """``return_password`` has the passwords, as they are kept, with the roles; only superusers may."""

    return_password: bool = False


def found(host: Host, access: Access, name: str = "", password: bool = False) -> dict[str, dict[str, Any]]:
    """Return roles by their names: all, or the one."""
    kept = ", (SELECT rolpassword FROM pg_authid a WHERE a.oid = r.oid) AS password" if password else ""
    one = f" WHERE rolname = {literal(name, 'role')}" if name else ""
    listed = rows(host, access, f"{_QUERY}{kept} FROM pg_roles r{one} ORDER BY rolname")
    return {each.pop("name"): each for each in listed}


def has_expiry(host: Host, access: Access, name: str, moment: str) -> bool:
    """Tell whether a role's password ends at a moment, however that is written."""
    query = f"SELECT rolvaliduntil = {literal(moment)}::timestamptz AS same FROM pg_roles"  # noqa: S608 - quoted
    return rows(host, access, f"{query} WHERE rolname = {literal(name)}") == [{"same": True}]


def how_kept(encrypted: bool | str | None) -> str:
    """Return the way a password is to be kept; nothing for the server's own."""
    words = {None: "", True: "md5", False: "plain"}
    return encrypted if isinstance(encrypted, str) else words[encrypted]


def group_names(groups: str | list[str] | None) -> list[str]:
    """Return groups, also those written in one text with commas."""
    if isinstance(groups, str):
        return [one.strip() for one in groups.split(",") if one.strip()]
    return groups or []


def create(host: Host, name: str, role: Role) -> bool:
    """Make a role. Raises CommandFailed."""
    attributes = _attributes(host, name, role)
    return do(host, role, [f"CREATE ROLE {identifier(name, 'role')}{attributes}", *_grants(name, role)])


def update(host: Host, name: str, role: Role) -> bool:
    """Set attributes of a role. Raises CommandFailed."""
    attributes = _attributes(host, name, role)
    altered = [f"ALTER ROLE {identifier(name, 'role')}{attributes}"] if attributes else []
    return do(host, role, [*altered, *_grants(name, role)])


def _attributes(host: Host, name: str, role: Role) -> str:
    """Return the attributes that are given, as SQL."""
    words = [
        word if getattr(role, argument) else f"NO{word}"
        for argument, (word, _) in FLAGS.items()
        if getattr(role, argument) is not None
    ]
    if role.connlimit is not None:
        words.append(f"CONNECTION LIMIT {role.connlimit}")
    if role.rolepassword is not None:
        words.append(f"PASSWORD {literal(_kept(host, name, role, role.rolepassword), 'password')}")
    if role.valid_until is not None:
        words.append(f"VALID UNTIL {literal(role.valid_until, 'valid_until')}")
    return "".join(f" {one}" for one in words)


def _kept(host: Host, name: str, role: Role, password: str) -> str:
    if not password:
        raise BadArgument("an empty password is none", hint="leave the argument away")
    how = how_kept(role.encrypted)
    if not how and not passwords.is_kept_form(password):
        (preferred,) = rows(host, role, "SELECT current_setting('password_encryption') AS how")
        how = "scram-sha-256" if preferred["how"] == "scram-sha-256" else "md5"
    return passwords.kept(password, name, how)


def _grants(name: str, role: Role) -> list[str]:
    member = identifier(name, "role")
    return [f"GRANT {identifier(one, 'group')} TO {member}" for one in group_names(role.groups)]


@takes(Listing)
def user_list(host: Host, /, **options: Any) -> dict[str, dict[str, Any]]:
    """Return the roles by their names, with their attributes and groups.

    Example:
        saltern run '*' postgres.user_list
    """
    return found(host, made(options), password=options.get("return_password", False))


@takes(Listing)
def role_get(host: Host, /, name: str, **options: Any) -> dict[str, Any] | None:
    """Return a role's attributes and groups; nothing when there is none.

    Example:
        saltern run '*' postgres.role_get app
    """
    return found(host, made(options), name, options.get("return_password", False)).get(name)


@takes(Access)
def user_exists(host: Host, /, name: str, **options: Any) -> bool:
    """Tell whether there is a role.

    Example:
        saltern run '*' postgres.user_exists app
    """
    return name in found(host, made(options), name)


@takes(Role)
def user_create(host: Host, /, username: str, **options: Any) -> bool:
    """Make a role that may log in, unless ``login`` says otherwise. Raises CommandFailed.

    Example:
        saltern run '*' postgres.user_create app rolepassword=secret createdb=true
    """
    return create(host, username, Role(**{"login": True, **_given(options)}))


@takes(Role)
def user_update(host: Host, /, username: str, **options: Any) -> bool:
    """Set attributes of a role. Raises CommandFailed.

    Example:
        saltern run '*' postgres.user_update app createdb=false groups=readers
    """
    return update(host, username, Role(**options))


@takes(Access)
def user_remove(host: Host, /, username: str, **options: Any) -> bool:
    """Remove a role. Raises CommandFailed, as when it owns something.

    Example:
        saltern run '*' postgres.user_remove app
    """
    return do(host, made(options), f"DROP ROLE {identifier(username, 'role')}")


@takes(Role)
def group_create(host: Host, /, groupname: str, **options: Any) -> bool:
    """Make a role that others can be in and that may not log in. Raises CommandFailed.

    Example:
        saltern run '*' postgres.group_create readers
    """
    return create(host, groupname, Role(**{"login": False, **_given(options)}))


@takes(Role)
def group_update(host: Host, /, groupname: str, **options: Any) -> bool:
    """Set attributes of a group. Raises CommandFailed.

    Example:
        saltern run '*' postgres.group_update readers createdb=true
    """
    return update(host, groupname, Role(**options))


@takes(Access)
def group_remove(host: Host, /, groupname: str, **options: Any) -> bool:
    """Remove a group. Raises CommandFailed, as when it owns something.

    Example:
        saltern run '*' postgres.group_remove readers
    """
    return do(host, made(options), f"DROP ROLE {identifier(groupname, 'group')}")


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def with_password(role: Role, password: str | None) -> Role:
    """Return the role with a password to be set."""
    return msgspec.structs.replace(role, rolepassword=password)
