"""Passwords of accounts, and how long they hold. A password is given as a hash, and shown to nobody."""

from __future__ import annotations

from typing import Any

from saltern.library import _accounts, _crypt
from saltern.library._accounts import checked
from saltern.library._days import change, day, must, of
from saltern.sdk import Host

ALIASES = {"set_warning_days": "set_warndays"}

_EMPTY = {"name": "", "passwd": "", "lstchg": "", "min": "", "max": "", "warn": "", "inact": "", "expire": ""}


def info(host: Host, name: str) -> dict[str, Any]:
    """Return what is kept of an account's password: its hash, and days (-1: not set).

    Empty text for all of it when there is no such account. The hash is a secret.

    Example:
        saltern run web1 shadow.info app
    """
    found = _accounts.shadow(host, name)
    return dict(_EMPTY) if found is None else {"name": found.name, "passwd": found.password, **of(found)}


def default_hash(host: Host) -> str:
    """Return what stands for a password that nobody can give.

    Example:
        saltern run web1 shadow.default_hash
    """
    return "!"


def gen_password(host: Host, password: str, crypt_salt: str | None = None, algorithm: str = "sha512") -> str:
    """Return the hash of a password: ``sha512``, ``sha256``, ``yescrypt``, ``blowfish`` or ``md5``.

    Example:
        saltern run web1 shadow.gen_password secret algorithm=yescrypt
    """
    return _crypt.hashed(password, _crypt.setting(algorithm, crypt_salt or ""))


def set_password(host: Host, name: str, password: str) -> bool:
    """Set an account's password to a hash. It reaches the host's tools through a pipe, nobody sees it.

    Example:
        saltern run web1 shadow.set_password app '$6$salt$hash'
    """
    line = f"{checked(name)}:{_accounts.field(password, 'the password')}\n"
    return must(host, name, "chpasswd", "--encrypted", stdin=line)


def del_password(host: Host, name: str) -> bool:
    """Take an account's password away: whoever may log in without one, can.

    Example:
        saltern run web1 shadow.del_password app
    """
    return must(host, name, "passwd", "--delete", checked(name))


def lock_password(host: Host, name: str) -> bool:
    """Have an account's password fit nothing, until it is unlocked.

    Example:
        saltern run web1 shadow.lock_password app
    """
    return must(host, name, "passwd", "--lock", checked(name))


def unlock_password(host: Host, name: str) -> bool:
    """Have an account's password fit again.

    Example:
        saltern run web1 shadow.unlock_password app
    """
    return must(host, name, "passwd", "--unlock", checked(name))


def set_mindays(host: Host, name: str, mindays: int) -> bool:
    """Set the days that a password must stay.

    Example:
        saltern run web1 shadow.set_mindays app 1
    """
    return change(host, name, min=mindays)


def set_maxdays(host: Host, name: str, maxdays: int) -> bool:
    """Set the days that a password holds.

    Example:
        saltern run web1 shadow.set_maxdays app 90
    """
    return change(host, name, max=maxdays)


def set_warndays(host: Host, name: str, warndays: int) -> bool:
    """Set the days before its end that a password's owner is warned.

    Example:
        saltern run web1 shadow.set_warndays app 7
    """
    return change(host, name, warn=warndays)


def set_inactdays(host: Host, name: str, inactdays: int) -> bool:
    """Set the days after a password's end that an account may still be used.

    Example:
        saltern run web1 shadow.set_inactdays app 7
    """
    return change(host, name, inact=inactdays)


def set_date(host: Host, name: str, date: int | str) -> bool:
    """Set the day that a password was last changed: ``2030-01-31``, or days since 1970; 0 asks for a new one.

    Example:
        saltern run web1 shadow.set_date app 0
    """
    return change(host, name, lstchg=day(date))


def set_expire(host: Host, name: str, expire: int | str) -> bool:
    """Set the day that an account ends: ``2030-01-31``, or days since 1970; -1 for never.

    Example:
        saltern run web1 shadow.set_expire app 2030-01-31
    """
    return change(host, name, expire=day(expire))


def list_users(host: Host) -> list[str]:
    """Return the names of all accounts that have a password kept, sorted.

    Example:
        saltern run web1 shadow.list_users
    """
    lines = host.text(_accounts.SHADOW, "").splitlines()
    return sorted(line.partition(":")[0] for line in lines if ":" in line)
