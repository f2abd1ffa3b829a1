"""The text of ``authorized_keys``: who may come in. Nothing in here touches a host."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from saltern.sdk import BadArgument


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A line: a public key's kind and digits, whose it is, and what it is good for."""

    kind: str
    digits: str
    comment: str = ""
    options: tuple[str, ...] = ()

    def line(self) -> str:
        """Return it as it stands in the file."""
        return " ".join(filter(None, (",".join(self.options), self.kind, self.digits, self.comment)))


def kind_of(digits: str) -> str:
    """Return the kind that a key itself says it is; nothing for what is no key."""
    try:
        data = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    length = int.from_bytes(data[:4], "big")
    name = data[4 : 4 + length]
    plausible = 0 < length < 128 and len(name) == length and name.isascii()
    return name.decode() if plausible else ""


def key(text: str, comment: str = "", options: Sequence[str] = ()) -> Key:
    """Return the key that is written: its digits alone, or a whole line as in ``authorized_keys``.

    What a whole line says of comment and options goes before what is given. Raises BadArgument.
    """
    found = read_line(text.strip()) or Key(kind=kind_of(text.strip()), digits=text.strip())
    if not found.kind or any(sign in f"{text}{comment}{''.join(options)}" for sign in "\n\r\0"):
        raise BadArgument(
            "Invalid public ssh key, most likely has spaces or invalid syntax",
            hint=f"it begins {text[:20]!r}",
        )
    return msgspec.structs.replace(
        found, comment=found.comment or comment, options=found.options or tuple(options)
    )


def read_line(line: str) -> Key | None:
    """Return the key in a line; None for a comment, an empty line, and what is no key."""
    words = list(_words(line))
    for index, digits in enumerate(words[1:3], 1):
        kind = kind_of(digits)
        if kind and words[index - 1] == kind:
            rest = line.split(digits, 1)[1].strip()
            options = tuple(_options(words[0])) if index == 2 else ()
            return Key(kind=kind, digits=digits, comment=rest, options=options)
    return None


def keys(text: str) -> list[Key]:
    """Return the keys in a file's text."""
    return [found for line in text.splitlines() if (found := read_line(line))]


def settled(text: str, wanted: Sequence[Key], alone: bool = False) -> tuple[str, Mapping[str, str]]:
    """Return the text with the keys wanted in it, and what became of each that had to change.

    That is ``New``, ``Updated`` or, with ``alone`` for keys that are not wanted, ``Key removed``. Other lines
    stay.
    """
    due = {one.digits: one for one in wanted}
    known = set(due)
    lines: list[str] = []
    became: dict[str, str] = {}
    for line in text.splitlines():
        found = read_line(line)
        meant = due.pop(found.digits, None) if found else None
        if found is not None and meant is None and (alone or found.digits in known):
            became.setdefault(found.digits, "Updated" if found.digits in known else "Key removed")
            continue  # not wanted, or a second line of one that is
        if meant is not None and meant != found:
            became[meant.digits] = "Updated"
        lines.append(line if meant is None or meant == found else meant.line())
    for one in due.values():
        became[one.digits] = "New"
        lines.append(one.line())
    return _text(lines), became


def without(text: str, digits: Sequence[str]) -> tuple[str, list[str]]:
    """Return the text without these keys, and those that were in it."""
    gone: list[str] = []
    lines = []
    for line in text.splitlines():
        found = read_line(line)
        if found is not None and found.digits in digits:
            gone.append(found.digits)
        else:
            lines.append(line)
    return _text(lines), gone


def fingerprint(digits: str, method: str = "sha256") -> str:
    """Return a key's fingerprint as pairs of hexadecimal digits. Raises BadArgument for no key, or method."""
    import hashlib

    try:
        data = base64.b64decode(digits, validate=True)
        found = hashlib.new(method, data, usedforsecurity=False).hexdigest()
    except (binascii.Error, ValueError) as error:
        raise BadArgument(f"no {method} fingerprint of {digits[:20]!r}…: {error}") from None
    return ":".join(found[at : at + 2] for at in range(0, len(found), 2))


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _words(line: str) -> Iterator[str]:
    """Give a line's words; a space in double quotes belongs to its word."""
    word, quoted = "", False
    for sign in line.strip():
        if sign == '"':
            quoted = not quoted
        if sign in " \t" and not quoted:
            if word:
                yield word
            word = ""
        else:
            word += sign
    if word:
        yield word


def _options(word: str) -> Iterator[str]:
    """Give the options in a word; a comma in double quotes belongs to its option."""
    option, quoted = "", False
    for sign in word:
        if sign == '"':
            quoted = not quoted
        if sign == "," and not quoted:
            yield option
            option = ""
        else:
            option += sign
    yield option
