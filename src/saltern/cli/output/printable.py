"""Text from elsewhere, made harmless: whatever could steer a terminal is shown, not sent."""

from __future__ import annotations

import re

# C0 but newline and tab, DEL, C1, line and paragraph separators, what turns the direction of text,
# invisible joiners, lone surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_LINE = re.compile("[\n\t]")


def printable(text: str) -> str:
    """Return ``text`` with control characters as escapes like ``\\x1b``; newlines and tabs stay."""
    return _STEERING.sub(_escape, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return ``text`` on one line, everything that is not printed as an escape."""
    return _LINE.sub(_escape, printable(text))


def harmless_json(text: str) -> str:
    """Return JSON with control characters as JSON escapes: the same value, safe on a terminal."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    named = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return named or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
