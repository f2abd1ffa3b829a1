"""Accounts: a user at a host."""

from __future__ import annotations

import hashlib
from typing import Any

from saltern.library.mysql.connection import Access, do, made, rows
from saltern.library.mysql.quoting import account, literal
from saltern.sdk import BadArgument, Host, takes

#: The plugin whose kept form of a password we can make and compare.
NATIVE = "mysql_native_password"


class Login(Access, frozen=True, kw_only=True):
    """How an account proves who it is.

    ``password_hash`` is a password as the server keeps it; ``unix_socket`` lets the host's account of the
    same name in. ``auth_plugin`` is how the password is kept.
    """

    password: str | None = None
    password_hash: str | None = None
    allow_passwordless: bool = False
    unix_socket: bool = False
    auth_plugin: str = NATIVE


def found(host: Host, access: Access, user: str, place: str) -> dict[str, str | None] | None:
    """Return an account: ``{plugin, hash}``; None when there is none."""
    where = f"User = {literal(user, 'user')} AND Host = {literal(place, 'host')}"
    listed = rows(host, access, f"SELECT * FROM mysql.user WHERE {where}")  # noqa: S608 - quoted
    if not listed:
        return None
    row = listed[0]
    return {
        "plugin": row.get("plugin") or NATIVE,
        "hash": row.get("authentication_string") or row.get("Password"),
    }


def kept(password: str) -> str:
    """Return a password as ``mysql_native_password`` keeps it."""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def is_as_wanted(host: Host, there: dict[str, str | None], login: Login, user: str) -> bool:
    """Tell whether an account proves itself as wanted. With nothing wanted it does."""
    if login.unix_socket:
        return there["plugin"] in ("unix_socket", "auth_socket")
    wanted = _hash(login)
    if wanted is None and login.password is None:
        return not login.allow_passwordless or not there["hash"]
    if there["plugin"] != login.auth_plugin:
        return False
    if wanted is not None:
        return (there["hash"] or "").upper() == wanted.upper()
    return _gets_in(host, login, user)


def proof(host: Host, login: Login) -> str:
    """Return how an account proves who it is, as SQL. Raises BadArgument when nothing says so."""
    if login.unix_socket:
        return f"IDENTIFIED WITH {_socket_plugin(host, login)}"
    if not login.auth_plugin.replace("_", "").isalnum():
        raise BadArgument(f"auth_plugin = {login.auth_plugin!r} is no name of a plugin")
    wanted = _hash(login)
    if wanted is not None:
        return f"IDENTIFIED WITH {login.auth_plugin} AS {literal(wanted)}"
    if login.password:
        return f"IDENTIFIED WITH {login.auth_plugin} BY {literal(login.password, 'password')}"
    if login.allow_passwordless:
        return f"IDENTIFIED WITH {NATIVE} AS ''"
    raise BadArgument(
        "password, password_hash or unix_socket must be given",
        hint="or allow_passwordless: true for an account that anybody may use",
    )


def _hash(login: Login) -> str | None:
    """Return the kept form of the password, where it can be known."""
    if login.password_hash is not None:
        return login.password_hash
    return kept(login.password) if login.password and login.auth_plugin == NATIVE else None


def _socket_plugin(host: Host, access: Access) -> str:
    (found_version,) = rows(host, access, "SELECT VERSION() AS version")
    return "unix_socket" if "MariaDB" in (found_version["version"] or "") else "auth_socket"


def _gets_in(host: Host, login: Login, user: str) -> bool:
    """Tell whether an account gets in with the password."""
    from msgspec.structs import replace

    from saltern.sdk import Unavailable

    try:
        rows(host, replace(login, connection_user=user, connection_pass=login.password), "SELECT 1 AS one")
    except Unavailable:
        return False
    return True


@takes(Access)
def user_list(host: Host, /, **options: Any) -> list[dict[str, str | None]]:
    """Return the accounts: ``{User, Host}``.

    Example:
        saltern run '*' mysql.user_list
    """
    return rows(host, made(options), "SELECT User, Host FROM mysql.user ORDER BY User, Host")


@takes(Login)
def user_exists(host: Host, /, user: str, host_: str = "localhost", **options: Any) -> bool:
    """Tell whether there is an account, and with a password given whether it is that one.

    Example:
        saltern run '*' mysql.user_exists app localhost
    """
    login = Login(**options)
    there = found(host, login, user, host_)
    return there is not None and is_as_wanted(host, there, login, user)


@takes(Access)
def user_info(host: Host, /, user: str, host_: str = "localhost", **options: Any) -> dict[str, str | None]:
    """Return how an account proves itself: ``{plugin, hash}``; nothing when there is none.

    Example:
        saltern run '*' mysql.user_info app localhost
    """
    return found(host, made(options), user, host_) or {}


@takes(Login)
def user_create(host: Host, /, user: str, host_: str = "localhost", **options: Any) -> bool:
    """Make an account. Raises CommandFailed.

    Example:
        saltern run '*' mysql.user_create app localhost password=secret
    """
    login = Login(**options)
    return do(host, login, f"CREATE USER {account(user, host_)} {proof(host, login)}")


@takes(Login)
def user_chpass(host: Host, /, user: str, host_: str = "localhost", **options: Any) -> bool:
    """Set how an account proves itself, usually by a password. Raises CommandFailed.

    Example:
        saltern run '*' mysql.user_chpass app localhost password=another
    """
    login = Login(**options)
    return do(host, login, f"ALTER USER {account(user, host_)} {proof(host, login)}")


@takes(Access)
def user_remove(host: Host, /, user: str, host_: str = "localhost", **options: Any) -> bool:
    """Remove an account. Raises CommandFailed.

    Example:
        saltern run '*' mysql.user_remove app localhost
    """
    return do(host, made(options), f"DROP USER {account(user, host_)}")
