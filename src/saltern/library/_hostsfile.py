"""The lines of /etc/hosts: read, changed and written without touching the others."""

from __future__ import annotations

import ipaddress
import re

import msgspec

from saltern.sdk import BadArgument, Host

FILE = "/etc/hosts"
_NAME = re.compile(r"[^\s#\0]+")


class Line(msgspec.Struct, frozen=True):
    """A line: an address and its names, or with an empty address what else stands there."""

    text: str
    ip: str = ""
    names: tuple[str, ...] = ()
    comment: str = ""


def read(host: Host) -> list[Line]:
    """Return the file's lines."""
    return [_parsed(line) for line in host.text(FILE, "").splitlines()]


def write(host: Host, lines: list[Line]) -> None:
    """Replace the file, unless it would stay as it is."""
    text = "".join(f"{line.text}\n" for line in lines)
    if text != host.text(FILE, ""):
        host.write(FILE, text.encode())


def names_of(lines: list[Line], ip: str) -> list[str]:
    """Return the names an address has, on all of its lines."""
    return list(dict.fromkeys(name for line in lines if line.ip == ip for name in line.names))


def with_pair(lines: list[Line], ip: str, name: str) -> list[Line]:
    """Return the lines where an address has a name."""
    names = names_of(lines, ip)
    if name in names:
        return lines
    at = next((index for index, line in enumerate(lines) if line.ip == ip), None)
    if at is None:
        return [*lines, made(ip, (name,))]
    old = lines[at]
    return [*lines[:at], made(ip, (*old.names, name), old.comment), *lines[at + 1 :]]


def without_pair(lines: list[Line], ip: str, name: str) -> list[Line]:
    """Return the lines where an address has not that name."""
    left = []
    for line in lines:
        if line.ip != ip or name not in line.names:
            left.append(line)
        elif rest := tuple(one for one in line.names if one != name):
            left.append(made(ip, rest, line.comment))
    return left


def with_names(lines: list[Line], ip: str, names: list[str], comment: str | None = None) -> list[Line]:
    """Return the lines where an address has exactly these names, in this order, on one line."""
    own = [index for index, line in enumerate(lines) if line.ip == ip]
    kept = lines[own[0]].comment if own else ""
    new = [made(ip, tuple(names), kept if comment is None else comment)] if names else []
    at = own[0] if own else len(lines)
    return [*lines[:at], *new, *(line for line in lines[at:] if line.ip != ip)]


def with_comment(lines: list[Line], ip: str, comment: str) -> list[Line]:
    """Return the lines where an address's first one ends in a comment."""
    at = next(index for index, line in enumerate(lines) if line.ip == ip)
    return [*lines[:at], made(ip, lines[at].names, comment), *lines[at + 1 :]]


def made(ip: str, names: tuple[str, ...], comment: str = "") -> Line:
    """Return a line. Raises BadArgument for what can't stand in it."""
    if "\n" in comment or "\0" in comment:
        raise BadArgument(f"comment = {comment!r}: it has to be one line")
    checked_ip(ip)
    for name in names:
        if not _NAME.fullmatch(name):
            raise BadArgument(f"{name!r} is no name of a host: white space and # can't be in it")
    text = f"{ip}\t\t{' '.join(names)}" + (f"\t\t# {comment}" if comment else "")
    return Line(text, ip, names, comment)


def checked_ip(ip: str) -> str:
    """Return an address. Raises BadArgument for what is none."""
    try:
        ipaddress.ip_address(ip)
    except ValueError:
        raise BadArgument(f"{ip!r} is no IP address", hint="write 10.0.0.1 or fd00::1") from None
    return ip


def _parsed(text: str) -> Line:
    entry, _, comment = text.partition("#")
    words = entry.split()
    return Line(text, words[0], tuple(words[1:]), comment.strip()) if words else Line(text)
