"""What accounts may do."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from saltern.library.mysql.connection import Access, do, made, rows
from saltern.library.mysql.quoting import account, identifier
from saltern.sdk import BadArgument, CommandFailed, Host, NotFound, takes

_NAME = r"`(?:[^`]|``)*`"
_GRANT = re.compile(
    rf"GRANT (?P<what>.+?) ON (?:(?:TABLE|FUNCTION|PROCEDURE) )?(?P<where>(?:\*|{_NAME})\.(?:\*|{_NAME})) TO "
)
_WORD = re.compile(r"([A-Z][A-Z_ ]*?)\s*(?:\((.*)\))?", re.IGNORECASE | re.DOTALL)
_ALL = {"ALL", "ALL PRIVILEGES"}
#: What ``ALL`` does not mean.
_BESIDES = {"USAGE", "PROXY", "GRANT OPTION", "ALL", "ALL PRIVILEGES"}
#: The error of a server asked for the grants of an account that it hasn't got.
_NO_SUCH_GRANT = "ERROR 1141"


class Grant(Access, frozen=True, kw_only=True):
    """What is granted. ``database`` is ``db.table``, ``db.*`` or ``*.*``.

    Unless ``escape`` is false, ``_`` and ``%`` in a database's name mean themselves. With ``grant_option``
    the account may grant it to others.
    """

    grant: str | list[str]
    database: str
    user: str
    host: str = "localhost"
    grant_option: bool = False
    escape: bool = True

    @property
    def words(self) -> set[str]:
        """The privileges as the server writes them. Raises BadArgument."""
        given = self.grant if isinstance(self.grant, str) else ",".join(self.grant)
        words = {_canonical(one) for one in _split(given)}
        if not words:
            raise BadArgument("no privilege is named", hint="such as SELECT, or ALL PRIVILEGES")
        return {"ALL PRIVILEGES"} if words & _ALL else words

    @property
    def where(self) -> str:
        """What it is granted on, as SQL. Raises BadArgument."""
        database, dot, table = self.database.partition(".")
        if not dot or not table:
            raise BadArgument(f"database = {self.database!r}", hint="write db.table, db.* or *.*")
        wild = table == "*" and self.escape and database != "*"
        name = re.sub(r"([\\_%])", r"\\\1", database) if wild else database
        return ".".join(one if one == "*" else identifier(one, "database") for one in (name, table))

    @property
    def account(self) -> str:
        """To whom, as SQL."""
        return account(self.user, self.host)


def listed(host: Host, access: Access, user: str, place: str) -> list[str]:
    """Return what an account may do, as statements; none for an account that there isn't."""
    try:
        found = rows(host, access, f"SHOW GRANTS FOR {account(user, place)}")
    except CommandFailed as error:
        if str(error).startswith(_NO_SUCH_GRANT):
            return []
        raise
    return [str(next(iter(one.values()))) for one in found]


def held(host: Host, wanted: Grant) -> tuple[set[str], bool]:
    """Return the privileges that the account has there, and whether it may grant them to others."""
    words: set[str] = set()
    may_grant = False
    for statement in listed(host, wanted, wanted.user, wanted.host):
        met = _GRANT.match(statement)
        if met and met["where"] == wanted.where:
            words |= {_canonical(one) for one in _split(met["what"])}
            may_grant = may_grant or statement.rstrip().endswith("WITH GRANT OPTION")
    return words, may_grant


def has_all(host: Host, wanted: Grant) -> bool:
    """Tell whether the account has all that is wanted."""
    words, may_grant = held(host, wanted)
    if wanted.grant_option and not may_grant:
        return False
    if words & _ALL or wanted.words == {"USAGE"}:
        return bool(words)
    if wanted.words == {"ALL PRIVILEGES"}:
        return wanted.where == "*.*" and bool(words) and _every(host, wanted) <= words
    return wanted.words <= words


def has_any(host: Host, wanted: Grant) -> bool:
    """Tell whether the account has any of what is named."""
    words, _ = held(host, wanted)
    alone = words - {"USAGE"}
    return bool(alone) if wanted.words == {"ALL PRIVILEGES"} or alone & _ALL else bool(alone & wanted.words)


def give(host: Host, wanted: Grant) -> bool:
    """Grant what is wanted. Raises NotFound for an account that some servers would make, CommandFailed."""
    if not listed(host, wanted, wanted.user, wanted.host):
        raise NotFound(
            f"there is no account {wanted.user}@{wanted.host}", hint="mysql_user.present makes one"
        )
    option = " WITH GRANT OPTION" if wanted.grant_option else ""
    return do(host, wanted, f"GRANT {_sql(wanted)} ON {wanted.where} TO {wanted.account}{option}")


def revoke(host: Host, wanted: Grant) -> bool:
    """Take what is named away, and with ``grant_option`` the right to grant. Raises CommandFailed."""
    option = ", GRANT OPTION" if wanted.grant_option else ""
    return do(host, wanted, f"REVOKE {_sql(wanted)}{option} ON {wanted.where} FROM {wanted.account}")


def _sql(wanted: Grant) -> str:
    return ", ".join(sorted(wanted.words))


def _every(host: Host, access: Access) -> set[str]:
    """Return all privileges there are, for servers that list them where all were granted."""
    names = {str(one["Privilege"]).upper() for one in rows(host, access, "SHOW PRIVILEGES")}
    return {one for one in names if one not in _BESIDES and "_" not in one}


def _split(text: str) -> list[str]:
    """Return what commas divide, outside of brackets and quotes."""
    return [one.strip() for one in re.findall(rf"(?:\((?:{_NAME}|[^)`])*\)|[^,(])+", text) if one.strip()]


def _canonical(word: str) -> str:
    """Return a privilege as we compare and write it, its columns quoted and sorted. Raises BadArgument."""
    met = _WORD.fullmatch(word)
    if met is None:
        raise BadArgument(f"{word!r} is no privilege", hint="such as SELECT, or UPDATE (column)")
    name = " ".join(met[1].upper().split())
    if met[2] is None:
        return name
    columns = re.findall(rf"{_NAME}|[^,`\s]+", met[2])
    bare = [one[1:-1].replace("``", "`") if one.startswith("`") else one for one in columns]
    return f"{name} ({', '.join(sorted(identifier(one, 'column') for one in bare))})"


@takes(Access)
def user_grants(host: Host, /, user: str, host_: str = "localhost", **options: Any) -> list[str]:
    """Return what an account may do, as statements without the passwords.

    Example:
        saltern run '*' mysql.user_grants app localhost
    """
    found = listed(host, made(options), user, host_)
    return [re.sub(r" IDENTIFIED .*?(?= (?:REQUIRE|WITH) |$)", "", one) for one in found]


class _Where(Access, frozen=True, kw_only=True):
    """Further arguments of a grant."""

    grant_option: bool = False
    escape: bool = True


@takes(_Where)
def grant_exists(
    host: Host, /, grant: str | list[str], database: str, user: str, host_: str = "localhost", **options: Any
) -> bool:
    """Tell whether an account has privileges.

    Example:
        saltern run '*' mysql.grant_exists 'SELECT,INSERT' 'app.*' app localhost
    """
    return has_all(host, _grant(grant, database, user, host_, options))


@takes(_Where)
def grant_add(
    host: Host, /, grant: str | list[str], database: str, user: str, host_: str = "localhost", **options: Any
) -> bool:
    """Grant privileges to an account. Raises CommandFailed.

    Example:
        saltern run '*' mysql.grant_add 'SELECT,INSERT' 'app.*' app localhost
    """
    return give(host, _grant(grant, database, user, host_, options))


@takes(_Where)
def grant_revoke(
    host: Host, /, grant: str | list[str], database: str, user: str, host_: str = "localhost", **options: Any
) -> bool:
    """Take privileges from an account. Raises CommandFailed.

    Example:
        saltern run '*' mysql.grant_revoke INSERT 'app.*' app localhost
    """
    return revoke(host, _grant(grant, database, user, host_, options))


def _grant(words: str | list[str], database: str, user: str, place: str, options: dict[str, Any]) -> Grant:
    access = msgspec.structs.asdict(_Where(**options))
    return Grant(**access, grant=words, database=database, user=user, host=place)
