"""Clusters, each a server with its data: by Debian's programs, or by ``initdb``."""

from __future__ import annotations

from typing import Any

from saltern.library._command import private_copy
from saltern.library.postgres.connection import program
from saltern.sdk import BadArgument, Command, CommandFailed, Host, NotSupported
from saltern.sdk.host import PLAIN_LOCALE

#: What ``pg_lsclusters`` says of each, in its order.
_COLUMNS = ("version", "name", "port", "status", "user", "datadir", "log")


def found(host: Host) -> dict[str, dict[str, Any]]:
    """Return the clusters by ``version/name``: ``{port, status, user, datadir, log}``.

    Raises NotSupported.
    """
    _refuse_elsewhere(host)
    clusters: dict[str, dict[str, Any]] = {}
    for line in host.run("pg_lsclusters", "--no-header").splitlines():
        each: dict[str, Any] = dict(zip(_COLUMNS, line.split(None, len(_COLUMNS) - 1), strict=True))
        key = f"{each.pop('version')}/{each.pop('name')}"
        clusters[key] = each | {"port": int(each["port"])}
    return clusters


def cluster_list(host: Host, verbose: bool = False) -> list[str] | dict[str, dict[str, Any]]:
    """Return the clusters as ``version/name``; with ``verbose`` also what is known of them.

    Example:
        saltern run '*' postgres.cluster_list
    """
    clusters = found(host)
    return clusters if verbose else list(clusters)


def cluster_exists(host: Host, version: str, name: str = "main") -> bool:
    """Tell whether there is a cluster of a version.

    Example:
        saltern run '*' postgres.cluster_exists 15 main
    """
    return f"{version}/{name}" in found(host)


def cluster_create(
    host: Host,
    version: str,
    name: str = "main",
    port: int | None = None,
    locale: str | None = None,
    encoding: str | None = None,
    datadir: str | None = None,
    allow_group_access: bool | None = None,
    data_checksums: bool | None = None,
    wal_segsize: int | str | None = None,
) -> bool:
    """Make a cluster and start it. Raises CommandFailed.

    Example:
        saltern run '*' postgres.cluster_create 15 reports port=5433
    """
    _refuse_elsewhere(host)
    options = {"--port": port, "--locale": locale, "--encoding": encoding, "--datadir": datadir}
    words = [word for flag, value in options.items() if value is not None for word in (flag, str(value))]
    more = ["--allow-group-access"] if allow_group_access else []
    more += ["--data-checksums"] if data_checksums else []
    more += [] if wal_segsize is None else ["--wal-segsize", str(wal_segsize)]
    own = ["--", *more] if more else []
    host.run("pg_createcluster", "--start", *words, _word(version), _word(name), *own, timeout=300.0)
    return True


def cluster_remove(host: Host, version: str, name: str = "main", stop: bool = False) -> bool:
    """Remove a cluster with all its data; a running one only with ``stop``. Raises CommandFailed.

    Example:
        saltern run '*' postgres.cluster_remove 15 reports stop=true
    """
    _refuse_elsewhere(host)
    stopped = ["--stop"] if stop else []
    host.run("pg_dropcluster", *stopped, _word(version), _word(name), timeout=300.0)
    return True


def datadir_exists(host: Host, name: str) -> bool:
    """Tell whether a directory holds a server's data.

    Example:
        saltern run '*' postgres.datadir_exists /srv/postgres
    """
    return host.exists(f"{name}/PG_VERSION")


def datadir_init(
    host: Host,
    name: str,
    auth: str = "password",
    user: str | None = None,
    password: str | None = None,
    encoding: str = "UTF8",
    locale: str | None = None,
    waldir: str | None = None,
    checksums: bool = False,
    runas: str | None = None,
) -> bool:
    """Make the data of a server in a directory; ``user`` is its first role, postgres unless given.

    Raises CommandFailed, as when the directory holds anything.

    Example:
        saltern run '*' postgres.datadir_init /srv/postgres password=secret
    """
    if not name.startswith("/"):
        raise BadArgument(f"{name!r} is no absolute path")
    account = runas or "postgres"
    words = [
        f"--pgdata={name}",
        f"--username={user or 'postgres'}",
        f"--auth={auth}",
        f"--encoding={encoding}",
    ]
    words += [f"--locale={locale}"] if locale else []
    words += [f"--waldir={waldir}"] if waldir else []
    words += ["--data-checksums"] if checksums else []
    if not password:
        return _init(host, words, account)
    with private_copy(host, f"{password}\n".encode(), account) as path:
        return _init(host, [*words, f"--pwfile={path}"], account)


def _init(host: Host, words: list[str], account: str) -> bool:
    argv = (_initdb(host), *words)
    done = host.execute(Command(argv=argv, user=account, env=PLAIN_LOCALE, timeout=300.0))
    if done.retcode:
        raise CommandFailed(done.stderr.decode(errors="replace").strip(), retcode=done.retcode)
    return True


def _initdb(host: Host) -> str:
    """Return the path of ``initdb``, which Debian keeps off the PATH. Raises NotSupported."""
    known = program(host, "initdb")
    if known is not None:
        return known
    folder = "/usr/lib/postgresql"
    versions = host.list_directory(folder) if host.exists(folder) else []
    for version in sorted(versions, key=lambda one: [int(part) for part in one.split(".") if part.isdigit()]):
        known = f"{folder}/{version}/bin/initdb" if host.exists(f"{folder}/{version}/bin/initdb") else known
    if known is None:
        raise NotSupported(
            "the program 'initdb' is not on this host", hint="see the setting postgres.bins_dir"
        )
    return known


def _refuse_elsewhere(host: Host) -> None:
    if host.which("pg_lsclusters") is None:
        raise NotSupported(
            "clusters are Debian's way: the program 'pg_lsclusters' is not on this host",
            hint="elsewhere use postgres_initdb.present",
        )


def _word(text: str) -> str:
    if not text or text.startswith("-") or any(one in "/\n\0 " for one in text):
        raise BadArgument(f"{text!r} is no version or name of a cluster")
    return text
