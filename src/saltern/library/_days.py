"""How long a password and an account hold, counted in days."""

from __future__ import annotations

import datetime

from saltern.library import _accounts
from saltern.library._accounts import Shadow, checked
from saltern.sdk import BadArgument, Host, NotFound

#: The options of ``chage`` by the names that people use.
OPTIONS = {
    "lstchg": "--lastday",
    "min": "--mindays",
    "max": "--maxdays",
    "warn": "--warndays",
    "inact": "--inactive",
    "expire": "--expiredate",
}


def of(found: Shadow) -> dict[str, int]:
    """Return the days that are kept of a password, by the names that people use."""
    numbers = (found.changed, found.minimum, found.maximum, found.warn, found.inactive, found.expires)
    return dict(zip(OPTIONS, numbers, strict=True))


def day(text: int | str) -> int:
    """Return a date (``2030-01-31``) as days since 1970; a number is that already. Raises BadArgument."""
    if isinstance(text, int) or text.lstrip("-").isdigit():
        return int(text)
    try:
        return (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days
    except ValueError:
        raise BadArgument(f"{text!r} is no date", hint="write 2030-01-31, or days since 1970") from None


def change(host: Host, name: str, /, **wanted: int) -> bool:
    """Set what holds of a password, by the names in ``OPTIONS``. Raises NotFound, CommandFailed."""
    words = [word for what, value in wanted.items() for word in (OPTIONS[what], str(value))]
    return must(host, name, "chage", *words, checked(name))


def must(host: Host, name: str, *argv: str, stdin: str = "") -> bool:
    """Run a program that changes an account's password. Raises NotFound, CommandFailed."""
    if _accounts.account(host, name) is None:
        raise NotFound(f"User {name!r} does not exist")
    return _accounts.run(host, *argv, stdin=stdin)
