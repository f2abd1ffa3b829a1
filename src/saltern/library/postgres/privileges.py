"""Who may do what with tables, schemas, databases and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.library.postgres.connection import Access, do, rows
from saltern.library.postgres.quoting import identifier, literal, role
from saltern.sdk import BadArgument, Host, takes

#: Kinds of objects: the letter of their default privileges, and a query of name, owner and access list.
_RELATIONS = (
    "SELECT relname AS name, relowner AS owner, relacl AS acl FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = {schema} AND relkind {kind}"
)
_KINDS: Mapping[str, tuple[str, str]] = {
    "table": ("r", _RELATIONS.replace("{kind}", "IN ('r', 'p', 'v', 'm', 'f')")),
    "sequence": ("s", _RELATIONS.replace("{kind}", "= 'S'")),
    "schema": ("n", "SELECT nspname AS name, nspowner AS owner, nspacl AS acl FROM pg_namespace"),
    "tablespace": ("t", "SELECT spcname AS name, spcowner AS owner, spcacl AS acl FROM pg_tablespace"),
    "language": ("l", "SELECT lanname AS name, lanowner AS owner, lanacl AS acl FROM pg_language"),
    "database": ("d", "SELECT datname AS name, datdba AS owner, datacl AS acl FROM pg_database"),
    "function": (
        "f",
        "SELECT {function} AS name, proowner AS owner, proacl AS acl FROM pg_proc"
        " WHERE oid = to_regprocedure({signature})",
    ),
}
_ACL = """SELECT name, CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END AS role,
 privilege_type AS privilege, is_grantable AS grantable, (SELECT json_agg(a.privilege_type)
 FROM aclexplode(acldefault('{letter}', owner)) a WHERE a.grantee = owner) AS all
 FROM ({objects}) o LEFT JOIN aclexplode(coalesce(acl, acldefault('{letter}', owner))) ON true{one}"""
_MEMBERS = """SELECT pg_get_userbyid(member) AS role, admin_option AS grantable FROM pg_auth_members m
 JOIN pg_roles g ON g.oid = m.roleid WHERE g.rolname = """

Granted = dict[str, dict[str, bool]]


class Wanted(Access, frozen=True, kw_only=True):
    """What is granted, upon what. ``prepend`` is the schema of tables, sequences and functions.

    ``object_name`` may be ``ALL`` for all tables, or sequences, of the schema. ``privileges`` are divided by
    commas; all there are unless given. ``object_type: group`` means being in a group.
    """

    name: str
    object_name: str
    object_type: str
    privileges: str | list[str] | None = None
    grant_option: bool | None = None
    prepend: str = "public"

    @property
    def words(self) -> list[str]:
        """The privileges, in capitals; none for all there are. Raises BadArgument."""
        given = self.privileges.split(",") if isinstance(self.privileges, str) else self.privileges or []
        words = [one.strip().upper() for one in given if one.strip()]
        for one in words:
            if not one.replace(" ", "").isalpha():
                raise BadArgument(f"{one!r} is no privilege", hint="such as SELECT, or USAGE")
        return [] if "ALL" in words or "ALL PRIVILEGES" in words else words

    @property
    def is_group(self) -> bool:
        """Whether it is about being in a group."""
        return self.object_type == "group"


def listed(host: Host, wanted: Wanted) -> tuple[dict[str, Granted], list[str]]:
    """Return ``{object: {role: {privilege: grantable}}}`` and all privileges there are for such objects.

    An object is there even if nobody may do anything with it.
    """
    if wanted.object_type not in _KINDS:
        raise BadArgument(f"object_type = {wanted.object_type!r}", hint=", ".join([*_KINDS, "group"]))
    letter, query = _KINDS[wanted.object_type]
    name = literal(wanted.object_name, "object_name")
    objects = query.format(
        schema=literal(wanted.prepend, "prepend"), function=name, signature=_signature(wanted)
    )
    one = "" if _is_all(wanted) else f" WHERE name = {name}"
    found: dict[str, Granted] = {}
    every: list[str] = []
    for row in rows(host, wanted, _ACL.format(letter=letter, objects=objects, one=one)):
        every = row["all"] or []
        held = found.setdefault(row["name"], {})
        if row["privilege"] is not None:
            held.setdefault(row["role"], {})[row["privilege"]] = row["grantable"]
    return found, every


def members(host: Host, wanted: Wanted) -> dict[str, bool]:
    """Return who is in the group, and whether with the right to let others in."""
    listed = rows(host, wanted, f"{_MEMBERS}{literal(wanted.object_name, 'group')}")
    return {each["role"]: each["grantable"] for each in listed}


def has_all(host: Host, wanted: Wanted) -> bool:
    """Tell whether the role itself has been granted all that is wanted, on each object."""
    if wanted.is_group:
        found = members(host, wanted)
        return wanted.name in found and (not wanted.grant_option or found[wanted.name])
    objects, every = listed(host, wanted)
    needed = wanted.words or every
    each = [one.get(_grantee(wanted), {}) for one in objects.values()]
    there = bool(each) or _is_all(wanted)
    return there and all(_covers(held, needed, bool(wanted.grant_option)) for held in each)


def has_any(host: Host, wanted: Wanted) -> bool:
    """Tell whether the role itself has been granted any of what is named, on any object."""
    if wanted.is_group:
        return wanted.name in members(host, wanted)
    objects, every = listed(host, wanted)
    named = wanted.words or every
    return any(word in one.get(_grantee(wanted), {}) for one in objects.values() for word in named)


def grant(host: Host, wanted: Wanted) -> bool:
    """Grant what is wanted. Raises CommandFailed."""
    if wanted.is_group:
        admin = " WITH ADMIN OPTION" if wanted.grant_option else ""
        return do(host, wanted, f"GRANT {identifier(wanted.object_name)} TO {role(wanted.name)}{admin}")
    option = " WITH GRANT OPTION" if wanted.grant_option else ""
    return do(host, wanted, f"GRANT {_what(wanted)} TO {role(wanted.name)}{option}")


def revoke(host: Host, wanted: Wanted) -> bool:
    """Take away what is named. Raises CommandFailed."""
    if wanted.is_group:
        return do(host, wanted, f"REVOKE {identifier(wanted.object_name)} FROM {role(wanted.name)}")
    return do(host, wanted, f"REVOKE {_what(wanted)} FROM {role(wanted.name)}")


def _what(wanted: Wanted) -> str:
    words = ", ".join(wanted.words) or "ALL"
    if _is_all(wanted):
        return f"{words} ON ALL {wanted.object_type.upper()}S IN SCHEMA {identifier(wanted.prepend)}"
    if wanted.object_type in ("table", "sequence"):
        place = f"{identifier(wanted.prepend, 'schema')}.{identifier(wanted.object_name)}"
        return f"{words} ON {wanted.object_type.upper()} {place}"
    named = _function(wanted) if wanted.object_type == "function" else identifier(wanted.object_name)
    return f"{words} ON {wanted.object_type.upper()} {named}"


def _is_all(wanted: Wanted) -> bool:
    return wanted.object_name.upper() == "ALL" and wanted.object_type in ("table", "sequence")


def _grantee(wanted: Wanted) -> str:
    return "public" if wanted.name.lower() == "public" else wanted.name


def _covers(held: Mapping[str, bool], needed: Sequence[str], grantable: bool) -> bool:
    return all(word in held and (not grantable or held[word]) for word in needed)


def _signature(wanted: Wanted) -> str:
    return literal(_function(wanted)) if wanted.object_type == "function" else "''"


def _function(wanted: Wanted) -> str:
    """Return a function with its arguments' types, quoted: ``area(integer, text)``. Raises BadArgument."""
    name, bracket, types = wanted.object_name.partition("(")
    if not bracket or not types.endswith(")") or not _are_types(types[:-1]):
        raise BadArgument(
            f"function {wanted.object_name!r}", hint="write it with its arguments' types: area(integer, text)"
        )
    return f"{identifier(wanted.prepend, 'schema')}.{identifier(name, 'function')}({types}"


def _are_types(text: str) -> bool:
    return all(one.isalnum() or one in ' _,.[]"' for one in text) and text.count('"') % 2 == 0


@takes(Access)
def privileges_list(
    host: Host, /, name: str, object_type: str, prepend: str = "public", **options: Any
) -> dict[str, Any]:
    """Return who may do what with an object: ``{role: {privilege: grantable}}``.

    For a group it is who is in it: ``{role: may let others in}``.

    Example:
        saltern run '*' postgres.privileges_list orders table maintenance_db=app
    """
    wanted = Wanted(name="", object_name=name, object_type=object_type, prepend=prepend, **options)
    if wanted.is_group:
        return members(host, wanted)
    objects, _ = listed(host, wanted)
    return {who: held for one in objects.values() for who, held in one.items()}


@takes(Access)
def has_privileges(
    host: Host,
    /,
    name: str,
    object_name: str,
    object_type: str,
    privileges: str | list[str] | None = None,
    grant_option: bool | None = None,
    prepend: str = "public",
    **options: Any,
) -> bool:
    """Tell whether a role has been granted privileges, itself rather than through a group.

    Example:
        saltern run '*' postgres.has_privileges app orders table SELECT,INSERT maintenance_db=app
    """
    what = _wanted(name, object_name, object_type, privileges, prepend, options)
    return has_all(host, msgspec.structs.replace(what, grant_option=grant_option))


@takes(Access)
def privileges_grant(
    host: Host,
    /,
    name: str,
    object_name: str,
    object_type: str,
    privileges: str | list[str] | None = None,
    grant_option: bool | None = None,
    prepend: str = "public",
    **options: Any,
) -> bool:
    """Grant privileges to a role. Raises CommandFailed.

    Example:
        saltern run '*' postgres.privileges_grant app ALL table SELECT maintenance_db=app
    """
    what = _wanted(name, object_name, object_type, privileges, prepend, options)
    return grant(host, msgspec.structs.replace(what, grant_option=grant_option))


@takes(Access)
def privileges_revoke(
    host: Host,
    /,
    name: str,
    object_name: str,
    object_type: str,
    privileges: str | list[str] | None = None,
    prepend: str = "public",
    **options: Any,
) -> bool:
    """Take privileges from a role. Raises CommandFailed.

    Example:
        saltern run '*' postgres.privileges_revoke app orders table UPDATE maintenance_db=app
    """
    return revoke(host, _wanted(name, object_name, object_type, privileges, prepend, options))


def _wanted(
    name: str,
    object_name: str,
    object_type: str,
    privileges: str | list[str] | None,
    prepend: str,
    options: Mapping[str, Any],
) -> Wanted:
    return Wanted(
        name=name,
        object_name=object_name,
        object_type=object_type,
        privileges=privileges,
        prepend=prepend,
        **options,
    )
