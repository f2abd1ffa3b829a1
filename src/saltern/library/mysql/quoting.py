"""Names and values as MySQL and MariaDB take them, whatever they hold."""

from __future__ import annotations

from saltern.sdk import BadArgument

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z", "\0": "\\0"})


def identifier(name: str, what: str = "name") -> str:
    """Return a name in backquotes. Raises BadArgument for one that there can't be."""
    _encode(name, what)
    if not name or any(one in name for one in "\0\n\r") or name.endswith(" "):
        raise BadArgument(f"{what} {name!r}: it is empty, ends in a space, or has a line's end or NUL in it")
    return "`" + name.replace("`", "``") + "`"


def literal(text: str, what: str = "value") -> str:
    """Return a value in quotes. Raises BadArgument for what is no valid text."""
    _encode(text, what)
    return f"'{text.translate(_ESCAPES)}'"


def account(user: str, host: str) -> str:
    """Return an account as statements name it."""
    if not host:
        raise BadArgument("the host of an account is empty", hint="write localhost, or % for any")
    return f"{literal(user, 'user')}@{literal(host, 'host')}"


def _encode(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadArgument(f"{what}: it is not valid text") from None
