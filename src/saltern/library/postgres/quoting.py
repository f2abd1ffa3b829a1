"""Names and values as SQL takes them, whatever they hold."""

from __future__ import annotations

from saltern.sdk import BadArgument

#: Bytes of a name; PostgreSQL silently cuts a longer one, which would then never be found again.
LONGEST = 63


def identifier(name: str, what: str = "name") -> str:
    """Return a name in quotes. Raises BadArgument for one that PostgreSQL can't have."""
    if not name or len(_encoded(name, what)) > LONGEST:
        raise BadArgument(f"{what} {name!r}: PostgreSQL's names have 1 to {LONGEST} bytes")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str, what: str = "value") -> str:
    """Return a value in quotes. Raises BadArgument for one that PostgreSQL can't hold."""
    _encoded(text, what)
    quoted = text.replace("'", "''")
    if "\\" not in quoted:
        return f"'{quoted}'"
    return " E'" + quoted.replace("\\", "\\\\") + "'"


def role(name: str) -> str:
    """Return a role's name in quotes; ``public`` stands for everybody."""
    return "PUBLIC" if name.lower() == "public" else identifier(name, "role")


def _encoded(text: str, what: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise BadArgument(f"{what}: it is not valid text, so PostgreSQL can't hold it") from None
    if b"\0" in data:
        raise BadArgument(f"{what}: a NUL character can't be in it")
    return data
