"""``salt.utils.stringutils``: text and bytes."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any


def to_bytes(s: str | bytes | bytearray, encoding: str | None = None, errors: str = "strict") -> bytes:
    """Return bytes."""
    if isinstance(s, str):
        return s.encode(encoding or "utf-8", errors)
    if isinstance(s, bytes | bytearray):
        return bytes(s)
    raise TypeError("expected str, bytes, or bytearray")


def to_str(
    s: str | bytes | bytearray, encoding: str | None = None, errors: str = "strict", normalize: bool = False
) -> str:
    """Return text."""
    if isinstance(s, bytes | bytearray):
        s = bytes(s).decode(encoding or "utf-8", errors)
    if not isinstance(s, str):
        raise TypeError(f"expected str, bytes, or bytearray not {type(s)}")
    import unicodedata

    return unicodedata.normalize("NFC", s) if normalize else s


to_unicode = to_str


def to_num(text: str) -> Any:
    """Return the number that text stands for, else the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except (TypeError, ValueError):
            continue
    return text


def to_none(text: str) -> str | None:
    """Return None for what is nothing but space."""
    return text if str(text).strip() else None


def is_quoted(value: Any) -> str:
    """Return the quote that text is in, nothing when it is in none."""
    quoted = isinstance(value, str) and len(value) > 1 and value[0] in "\"'" and value[0] == value[-1]
    return value[0] if quoted else ""


def dequote(value: Any) -> Any:
    """Return text without the quotes it is in."""
    return value[1:-1] if is_quoted(value) else value


def is_hex(value: Any) -> bool:
    """Tell whether text is a number in hexadecimal."""
    try:
        int(value, 16)
    except (TypeError, ValueError):
        return False
    return True


def is_binary(data: str | bytes) -> bool:
    """Tell whether data is no text."""
    return "\0" in data if isinstance(data, str) else b"\0" in data


def random(size: int = 32) -> str:
    """Return text that nobody can guess."""
    import secrets

    return secrets.token_urlsafe(size)[:size]


def contains_whitespace(text: str) -> bool:
    """Tell whether there is space in text."""
    return any(one.isspace() for one in text)


def build_whitespace_split_regex(text: str) -> str:
    """Return a pattern for text, whatever space is between its words."""
    words = [re.escape(word) for line in text.splitlines() for word in shlex.split(line)]
    return r"(?m)^" + r"(?:[\s]+)?".join(words) + r"(?:[\s]+)?$"


def expr_match(line: str, expr: str) -> bool:
    """Tell whether text is, or fits, a shell pattern or a regular expression."""
    if line == expr or fnmatch.fnmatch(line, expr):
        return True
    try:
        return re.match(rf"\A{expr}\Z", line) is not None
    except re.error:
        return False


def check_whitelist_blacklist(
    value: str, whitelist: Iterable[str] | str | None = None, blacklist: Iterable[str] | str | None = None
) -> bool:
    """Tell whether a value is in the one list, or there is none, and is not in the other."""
    black = [blacklist] if isinstance(blacklist, str) else list(blacklist or ())
    white = [whitelist] if isinstance(whitelist, str) else list(whitelist or ())
    if any(expr_match(value, one) for one in black):
        return False
    return not white or any(expr_match(value, one) for one in white)


def itersplit(orig: str, sep: str | None = None) -> Iterator[str]:
    """Give the parts of text."""
    return iter(orig.split(sep))


def get_context(template: str, line: int, num_lines: int = 5, marker: str | None = None) -> str:
    """Return the lines around one, with it marked."""
    lines = template.splitlines()
    first, last = max(0, line - num_lines - 1), min(len(lines), line + num_lines)
    shown = [
        one + (marker or "    <======================") * (at == line) for at, one in enumerate(lines, 1)
    ]
    return "\n".join(["---", *shown[first:last], "---"])


def print_cli(msg: Any, *args: Any, **kwargs: Any) -> None:
    """Print a line."""
    print(msg, *args, **kwargs)
