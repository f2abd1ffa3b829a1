"""How a server is spoken to: by ``psql``, as the account that may, secrets by the environment.

Statements that change something go through its stdin, where no process list shows them. Settings, of the
agent or the pillar, under Salt's names: ``postgres.host``, ``.port``, ``.user``, ``.pass``,
``.maintenance_db``, ``.bins_dir``, ``.timeout`` (seconds).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.library import config
from saltern.sdk import (
    BadArgument,
    Command,
    CommandFailed,
    Finished,
    Host,
    NotFound,
    TimedOut,
    Unavailable,
)

#: How ``psql`` ends when it got no connection.
_NO_CONNECTION = 2
_NO_DATABASE = re.compile(r"FATAL: +database .* does not exist", re.DOTALL)
#: The account of the server, where it is not ``postgres``.
_ACCOUNTS = {"FreeBSD": "postgres", "OpenBSD": "_postgresql", "NetBSD": "pgsql"}


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the server; what is not given is taken from the settings ``postgres.…``."""

    user: str | None = None
    host: str | None = None
    port: int | str | None = None
    maintenance_db: str | None = None
    password: str | None = None
    runas: str | None = None


def unavailable(host: Host) -> str:
    """Return why PostgreSQL can't be spoken to from here."""
    return "" if program(host, "psql") else "the program 'psql' is not on this host"


def program(host: Host, name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs."""
    folder = _setting(host, "bins_dir")
    return host.which(f"{folder}/{name}" if folder else name)


def run(host: Host, access: Access, *arguments: str, stdin: str = "", database: str = "") -> str:
    """Run ``psql`` and return what it writes.

    Raises CommandFailed with what the server says, NotFound for a database that isn't there, Unavailable
    when there is no connection, TimedOut.
    """
    timeout = float(_setting(host, "timeout") or 600)
    done = host.execute(
        Command(
            argv=(program(host, "psql") or "psql", "--no-psqlrc", "--no-password", "--quiet", *arguments),
            stdin=stdin.encode(),
            env=_environment(host, access, database),
            user=account(host, access),
            timeout=timeout,
        )
    )
    _refuse_failure(done, timeout)
    return done.stdout.decode(errors="replace")


def rows(host: Host, access: Access, query: str, database: str = "") -> list[dict[str, Any]]:
    """Return what a query of ours finds, values as JSON has them. It may hold no secret."""
    wrapped = f"SELECT coalesce(json_agg(found), '[]') FROM ({query}) found"  # noqa: S608 - all in it is quoted
    found: list[dict[str, Any]] = json.loads(
        run(host, access, "--no-align", "--tuples-only", "--command", wrapped, database=database)
    )
    return found


def do(host: Host, access: Access, statements: Sequence[str] | str, database: str = "") -> bool:
    """Carry statements out, all or none where there are several; return True. Raises CommandFailed."""
    given = [statements] if isinstance(statements, str) else list(statements)
    together = ["--single-transaction"] if len(given) > 1 else []
    flags = ["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse", *together]
    if given:
        run(host, access, *flags, stdin=";\n".join(given) + ";\n", database=database)
    return True


def account(host: Host, access: Access) -> str | None:
    """Return the account to run as: the one asked for, or the server's own where that is on this host."""
    if access.runas is not None:
        return access.runas
    address = access.host or _setting(host, "host")
    if address and not address.startswith("/"):
        return None
    return _ACCOUNTS.get(str(host.grains.get("os")), "postgres")


def _environment(host: Host, access: Access, database: str) -> dict[str, str | None]:
    """Return what ``psql`` goes by. Unlike its options the environment can't be read as something else."""
    given = {
        "PGHOST": access.host or _setting(host, "host"),
        "PGPORT": str(access.port or _setting(host, "port")),
        "PGUSER": access.user or _setting(host, "user"),
        "PGPASSWORD": access.password or _setting(host, "pass"),
        "PGDATABASE": database or access.maintenance_db or _setting(host, "maintenance_db") or "postgres",
    }
    for name, value in given.items():
        if "\0" in value:
            raise BadArgument(f"{name}: a NUL character can't be in it")
    plain: dict[str, str | None] = {"LC_ALL": "C", "PGCLIENTENCODING": "UTF8", "PGAPPNAME": "saltern"}
    return plain | {name: value for name, value in given.items() if value}


def _setting(host: Host, name: str) -> str:
    return str(config.option(host, f"postgres.{name}"))


def _refuse_failure(done: Finished, timeout: float) -> None:
    if done.timed_out:
        raise TimedOut(f"PostgreSQL did not answer within {timeout:g} s")
    if done.retcode == 0:
        return
    said = done.stderr.decode(errors="replace").strip() or f"psql ended with code {done.retcode}"
    if done.retcode == _NO_CONNECTION and _NO_DATABASE.search(said):
        raise NotFound(said, hint="make it first: postgres_database.present")
    if done.retcode == _NO_CONNECTION:
        raise Unavailable(
            f"no connection to PostgreSQL: {said}",
            hint="is it running? see the settings postgres.host, .port",
        )
    raise CommandFailed(said, retcode=done.retcode)


def made(options: Mapping[str, Any]) -> Access:
    """Return the access among a function's options."""
    return Access(**{name: options[name] for name in Access.__struct_fields__ if name in options})
