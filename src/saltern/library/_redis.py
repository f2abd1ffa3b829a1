"""How a Redis or Valkey server is spoken to: by its client.

Values go by its stdin and the password by the environment, where no process list shows them.

Settings, of the agent or the pillar, under Salt's names: ``redis.host``, ``.port``, ``.unix_socket_path``,
``.db``, ``.password``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from saltern.library import config
from saltern.sdk import BadArgument, Command, CommandFailed, Host, NotAllowed, TimedOut, Unavailable

_TIMEOUT = 60.0
_ITEM = re.compile(r"\s*\d+[)#~] ")
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}

Answer = Any  # text, a number, None, or a list of them


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the server; what is not given is taken from the settings ``redis.…``."""

    host: str | None = None
    port: int | str | None = None
    db: int | str | None = None
    password: str | None = None


def client(host: Host) -> str | None:
    """Return the path of the client."""
    return host.which("redis-cli") or host.which("valkey-cli")


def ask(host: Host, access: Access, *words: str | int, value: str | None = None) -> Answer:
    """Send one command, ``value`` as its last word; return text, a number, None, or a list of them.

    Raises CommandFailed with what the server says, NotAllowed, Unavailable, TimedOut.
    """
    plain = [str(one) for one in words]
    password = _setting(host, access, "password")
    for one in (password, *plain, value or ""):
        _refuse_bad_text(one)
    last = [] if value is None else ["-x"]
    done = host.execute(
        Command(
            argv=(client(host) or "redis-cli", *_options(host, access), "--no-raw", *last, *plain),
            stdin=(value or "").encode(),
            env={"LC_ALL": "C", **({"REDISCLI_AUTH": password} if password else {})},
            timeout=_TIMEOUT,
        )
    )
    if done.timed_out:
        raise TimedOut(f"Redis did not answer within {_TIMEOUT:g} s")
    said = done.stdout.decode(errors="replace")
    complaint = done.stderr.decode(errors="replace").strip()
    if "Could not connect" in complaint + said or (done.retcode and not said):
        raise Unavailable(
            f"no connection to Redis: {complaint or said.strip()}",
            hint="see the settings redis.host, redis.port",
        )
    return _answer(said)


def _options(host: Host, access: Access) -> list[str]:
    path = "" if access.host else str(config.option(host, "redis.unix_socket_path"))
    if path:
        return ["-s", path, "-n", _number(host, access, "db", "0")]
    name = _setting(host, access, "host") or "localhost"
    return ["-h", name, "-p", _number(host, access, "port", "6379"), "-n", _number(host, access, "db", "0")]


def _number(host: Host, access: Access, name: str, default: str) -> str:
    found = _setting(host, access, name) or default
    if not found.isdecimal():
        raise BadArgument(f"{name} = {found!r} is no number")
    return found


def _setting(host: Host, access: Access, name: str) -> str:
    given = getattr(access, name)
    return str(config.option(host, f"redis.{name}") if given is None else given)


def _refuse_bad_text(text: str) -> None:
    if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
        raise BadArgument("what is sent to Redis is valid text without a NUL character")


def _answer(said: str) -> Answer:
    """Read the client's notation. Raises CommandFailed, NotAllowed."""
    if said.startswith(("(error) ", "AUTH failed")):
        text = said.removeprefix("(error) ").strip()
        kind = NotAllowed if text.startswith(("NOAUTH", "WRONGPASS", "AUTH", "NOPERM")) else CommandFailed
        raise kind(f"Redis: {text}")
    return _read(said.rstrip("\n").split("\n"))


def _read(lines: Sequence[str]) -> Answer:
    """Return the value that some lines hold: an item's own lines begin below its number."""
    met = _ITEM.match(lines[0])
    if met is None:
        return _scalar("\n".join(lines))
    depth = len(met[0])
    items: list[list[str]] = []
    for line in lines:
        if line[:depth].strip():
            items.append([])
        items[-1].append(line[depth:])
    return [_read(one) for one in items]


def _scalar(text: str) -> Answer:
    if text.startswith("(integer) "):
        return int(text.removeprefix("(integer) "))
    if text == "(nil)":
        return None
    if text.startswith("(empty "):
        return []
    if text.startswith('"'):
        return _ESCAPE.sub(_meant, text[1:-1].encode()).decode(errors="replace")
    return text


def _meant(met: re.Match[bytes]) -> bytes:
    sign = met[1]
    return bytes([int(sign[1:], 16)]) if len(sign) == 3 else _LETTERS.get(sign, sign)
