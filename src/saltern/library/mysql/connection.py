"""How a server is spoken to: by ``mariadb`` or ``mysql``, secrets by the environment or an option file.

Statements that change something go through its stdin, where no process list shows them. Settings, of the
agent or the pillar, under Salt's names: ``mysql.host``, ``.port``, ``.user``, ``.pass``, ``.db``,
``.unix_socket``, ``.default_file``, ``.default_group``, ``.charset``. What is not set is as the client's own
option files say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from saltern.library import config
from saltern.sdk import BadArgument, Command, CommandFailed, Host, TimedOut, Unavailable

#: Errors of the client that mean that there is no connection.
_NO_CONNECTION = re.compile(r"ERROR (20\d\d|1040|1045|1698|1129|1130)\b")
_TIMEOUT = 600.0
_PLAIN = "--init-command=SET sql_mode=''"  # so that quotes and backslashes mean what we take them for
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

Row = dict[str, str | None]


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the server; what is not given is taken from the settings ``mysql.…``."""

    connection_host: str | None = None
    connection_port: int | str | None = None
    connection_user: str | None = None
    connection_pass: str | None = None
    connection_db: str | None = None
    connection_unix_socket: str | None = None
    connection_default_file: str | None = None
    connection_default_group: str | None = None
    connection_charset: str | None = None


def unavailable(host: Host) -> str:
    """Return why neither MySQL nor MariaDB can be spoken to from here."""
    return "" if client(host) else "neither 'mariadb' nor 'mysql' is on this host"


def client(host: Host) -> str | None:
    """Return the path of the client."""
    return host.which("mariadb") or host.which("mysql")


def rows(host: Host, access: Access, query: str) -> list[Row]:
    """Return what a query of ours finds, values as text. It may hold no secret."""
    said = _run(host, access, _PLAIN, "--xml", f"--execute={query}")
    return _tables(said)[0] if said.strip() else []


def do(host: Host, access: Access, *statements: str) -> bool:
    """Carry statements out, one after the other; return True. Raises CommandFailed."""
    if statements:
        _run(host, access, _PLAIN, stdin=";\n".join(statements) + ";\n")
    return True


def ask(host: Host, access: Access, query: str) -> tuple[list[Row], int]:
    """Give a query of somebody's to the client as it is; return its last rows, and how many it changed."""
    counted = f"{query.strip().rstrip(';')}\n;\nSELECT ROW_COUNT() AS changed;\n"
    *found, ((changed),) = _tables(_run(host, access, "--xml", stdin=counted))
    return (found[-1] if found else []), int(changed["changed"] or 0)


def made(options: Mapping[str, Any]) -> Access:
    """Return the access among a function's options."""
    return Access(**{name: options[name] for name in Access.__struct_fields__ if name in options})


def _run(host: Host, access: Access, *arguments: str, stdin: str = "") -> str:
    password = _setting(host, access, "pass")
    words = _options(host, access)
    if any("\0" in word for word in (*words, *arguments, password)):
        raise BadArgument("a NUL character can't be in what the client is started with")
    done = host.execute(
        Command(
            argv=(client(host) or "mysql", *words, "--batch", *arguments),
            stdin=stdin.encode(),
            env={"LC_ALL": "C", **({"MYSQL_PWD": password} if password else {})},
            timeout=_TIMEOUT,
        )
    )
    if done.timed_out:
        raise TimedOut(f"the database server did not answer within {_TIMEOUT:g} s")
    said = _complaint(done.stderr)
    if done.retcode and _NO_CONNECTION.match(said):
        raise Unavailable(
            f"no connection to the database server: {said}",
            hint="is it running? see the settings mysql.host, .user, .pass, .unix_socket",
        )
    if done.retcode:
        raise CommandFailed(said or f"the client ended with code {done.retcode}", retcode=done.retcode)
    return done.stdout.decode(errors="replace")


def _complaint(stderr: bytes) -> str:
    """Return what the client complains of, not the statement it shows: that may hold secrets."""
    said = stderr.decode(errors="replace").strip()
    begun = [met.start() for met in re.finditer(r"^ERROR \d", said, re.MULTILINE)]
    return said[begun[-1] :] if begun else "" if said.startswith("-----") else said


def _options(host: Host, access: Access) -> list[str]:
    """Return the client's options; those that say where to look for others must come first."""
    named = {
        "defaults-file": "default_file",
        "defaults-group-suffix": "default_group",
        "host": "host",
        "port": "port",
        "user": "user",
        "socket": "unix_socket",
        "database": "db",
    }
    found = {option: _setting(host, access, name) for option, name in named.items()}
    charset = _setting(host, access, "charset") or "utf8mb4"
    options = [f"--{option}={value}" for option, value in found.items() if value]
    return [*options, f"--default-character-set={charset}"]


def _setting(host: Host, access: Access, name: str) -> str:
    given = getattr(access, f"connection_{name}")
    return str(config.option(host, f"mysql.{name}") if given is None else given)


def _tables(said: str) -> list[list[Row]]:
    """Return the tables in what the client writes, one after the other. Raises CommandFailed."""
    from xml.etree import ElementTree

    parts = said.split('<?xml version="1.0"?>')[1:]  # a value can't hold this: < is written as an entity
    try:
        trees = [ElementTree.fromstring(part.strip()) for part in parts]  # noqa: S314 - our own client's
    except ElementTree.ParseError as error:
        raise CommandFailed(
            f"the answer has values that are no text: {error}", hint="select them with HEX(…)"
        ) from None
    return [[_row(row) for row in tree.findall("row")] for tree in trees]


def _row(row: Any) -> Row:
    return {
        field.get("name"): None if field.get(_NIL) else field.text or "" for field in row.findall("field")
    }
