"""What of the file roots, the web and this host lies in the agent's cache."""

from __future__ import annotations

import posixpath

from saltern.library.cp import place
from saltern.library.file import origin
from saltern.library.file.cached import copy_of
from saltern.sdk import BadArgument, Host, NotFound
from saltern.sdk.supply import CachedFile


def is_cached(host: Host, path: str, saltenv: str | None = None) -> str:
    """Return where a file lies in the agent's cache; empty when it does not lie there as it is now.

    ``path`` is a ``salt://`` address, one of the web (kept by ``file.cached``), or that of a file of this
    host (kept by ``cp.cache_local_file``).

    Example:
        saltern run '*' cp.is_cached salt://nginx/nginx.conf
    """
    if path.startswith("salt://"):
        return _there(host, host.supply.known(path, saltenv))
    where = cache_dest(host, path, saltenv)
    return where if host.exists(where) else ""


def cache_dest(host: Host, path: str, saltenv: str | None = None) -> str:
    """Return where a file lies once it is in the agent's cache; it need not be there yet.

    What is in the file roots lies under its SHA-256, so what is not there has no place: then it is empty.

    Example:
        saltern run '*' cp.cache_dest salt://nginx/nginx.conf
    """
    if path.startswith("salt://"):
        found = host.supply.known(path, saltenv)
        return found.path if found else ""
    if origin.is_remote(path):
        return copy_of(host, path, saltenv or host.supply.saltenv)
    return _local(host, path)


def cache_local_file(host: Host, path: str) -> str:
    """Copy a file of this host into the agent's cache and return where it is; empty when there is none.

    Example:
        saltern run '*' cp.cache_local_file /etc/hosts
    """
    dest, found = _local(host, path), host.stat(path)
    if found is None:
        return ""
    if found.kind != "file":
        raise BadArgument(f"{path} is no regular file")
    host.make_directory(posixpath.dirname(dest), 0o700)
    digest = posixpath.basename(dest)  # it names what lies beside it for a moment, and nothing else
    place.copy(host, CachedFile(path, digest, found.size, found.mode), dest, 0o600)
    return dest


def list_minion(host: Host, saltenv: str | None = None) -> list[str]:
    """Return where everything lies that is in the agent's cache.

    Those are files of an environment, as they are now, and those of this host.

    Example:
        saltern run '*' cp.list_minion
    """
    known = (host.supply.known(f"salt://{path}", saltenv) for path in host.supply.files("", saltenv))
    served = dict.fromkeys(where for found in known if (where := _there(host, found)))
    return [*served, *_below(host, _LOCAL.format(host.data))]


_LOCAL = "{}/localfiles"


def _there(host: Host, found: CachedFile | None) -> str:
    there = None if found is None else host.stat(found.path)
    return found.path if found and there and there.size == found.size else ""


def _local(host: Host, path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/"):
        raise BadArgument(f"{path!r} is neither an address nor a plain absolute path")
    return _LOCAL.format(host.data) + posixpath.normpath(path)


def _below(host: Host, directory: str) -> list[str]:
    try:
        names = host.list_directory(directory)
    except NotFound:
        return []
    found: list[str] = []
    for name in names:
        path = f"{directory}/{name}"
        there = host.stat(path, follow=False)
        found += _below(host, path) if there is not None and there.kind == "directory" else [path]
    return found
