"""Files of the file roots, brought to this host.

``path`` is a ``salt://`` address; ``?saltenv=dev`` at its end, or ``saltenv``, names another environment.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator
from typing import Any

from saltern.library.cp import place
from saltern.sdk import AgentControl, BadArgument, Host, NotFound, NotSupported
from saltern.sdk.http import Request

_SCHEME = "salt://"


def get_file(
    host: Host,
    path: str,
    dest: str,
    saltenv: str | None = None,
    makedirs: bool = False,
    template: str | None = None,
) -> str:
    """Copy a file to ``dest`` and return where it is; empty when there is no such file.

    ``path`` and ``dest`` are rendered first when ``template`` names an engine.

    Example:
        saltern run '*' cp.get_file salt://motd /etc/motd
    """
    if template:
        path, dest = (_rendered(host, template, text) for text in (path, dest))
    found = host.supply.cached(path, saltenv)
    if found is None:
        return ""
    dest = place.target(host, dest, path, makedirs)
    place.copy(host, found, dest)
    return dest


def get_template(
    host: Host,
    path: str,
    dest: str,
    template: str = "jinja",
    saltenv: str | None = None,
    makedirs: bool = False,
    context: dict[str, Any] | None = None,
) -> str:
    """Render a file with pillar, grains and ``context``, write it to ``dest``, return where it is.

    Example:
        saltern run '*' cp.get_template salt://motd.jinja /etc/motd
    """
    text = get_file_str(host, path, saltenv)
    if text is False:
        return ""
    dest = place.target(host, dest, path, makedirs)
    host.write(dest, host.supply.render(template, str(text), context or {}, path).encode())
    return dest


def get_dir(
    host: Host, path: str, dest: str, saltenv: str | None = None, template: str | None = None
) -> list[str]:
    """Copy a directory, with its own name, into the directory ``dest``; return the files made.

    A path that ends with a slash is copied without its own name.

    Example:
        saltern run '*' cp.get_dir salt://nginx/conf.d /etc/nginx
    """
    if template:
        path, dest = (_rendered(host, template, text) for text in (path, dest))
    prefix = _inside(path)
    cut = len(prefix) + 1 if path.endswith("/") and prefix else len(posixpath.dirname(prefix))
    made: list[str] = []
    for found in host.supply.files(prefix, saltenv):
        to = posixpath.join(dest, found[cut:].lstrip("/"))
        made.append(get_file(host, _SCHEME + found, to, saltenv, makedirs=True))
    for directory in host.supply.directories(prefix, saltenv):
        host.make_directory(posixpath.join(dest, directory[cut:].lstrip("/")))
    return made


def get_file_str(host: Host, path: str, saltenv: str | None = None) -> str | bool:
    """Return a file's content as text; False when there is no such file.

    Example:
        saltern run '*' cp.get_file_str salt://motd
    """
    found = cache_file(host, path, saltenv)
    return host.read(found).decode(errors="replace") if found else False


def get_url(
    host: Host,
    path: str,
    dest: str | None = "",
    saltenv: str | None = None,
    makedirs: bool = False,
    source_hash: str | None = None,
) -> str | bool:
    """Copy what is at a ``salt://``, ``http(s)://`` or ``file://`` address to ``dest``; return where it is.

    With ``dest=None`` the content is returned as text. ``source_hash`` is checked before anything is written.

    Example:
        saltern run '*' cp.get_url https://example.com/x.tar.gz /tmp/x.tar.gz
    """
    if path.startswith(_SCHEME):
        if dest is None:
            return get_file_str(host, path, saltenv)
        return get_file(host, path, dest, saltenv, makedirs) if dest else cache_file(host, path, saltenv)
    data = _fetched(host, path)
    _check(data, source_hash, path)
    if dest is None:
        return data.decode(errors="replace")
    if not dest:
        raise BadArgument("dest is needed for what is not in the file roots", hint="cp.get_url URL /path")
    dest = place.target(host, dest, path.partition("?")[0], makedirs)
    host.write(dest, data)
    return dest


def cache_file(host: Host, path: str, saltenv: str | None = None, source_hash: str | None = None) -> str:
    """Bring a file into the agent's cache and return where it is; empty when there is no such file.

    It is to be read, not changed: what lies there has its SHA-256 as its name. A path on this host is
    returned as it is.

    Example:
        saltern run '*' cp.cache_file salt://big.tar.gz
    """
    local = path.removeprefix("file://")
    if local.startswith("/"):
        return local if host.exists(local) else ""
    found = host.supply.cached(path, saltenv)
    if found is None:
        return ""
    if source_hash and (source_hash.startswith("sha256") or len(source_hash) == 64):
        _compare(found.sha256, source_hash, path)
    elif source_hash:
        _check(host.read(found.path, found.size + 1), source_hash, path)
    return found.path


def cache_files(host: Host, paths: list[str] | str, saltenv: str | None = None) -> list[str]:
    """Bring files into the agent's cache and return where they are; those there are not are left out.

    Example:
        saltern run '*' cp.cache_files salt://a,salt://b
    """
    wanted = paths.split(",") if isinstance(paths, str) else paths
    return [found for path in wanted if (found := cache_file(host, path, saltenv))]


def cache_dir(
    host: Host,
    path: str,
    saltenv: str | None = None,
    include_pat: str | None = None,
    exclude_pat: str | None = None,
) -> list[str]:
    """Bring all files of a directory into the agent's cache and return where they are.

    The patterns are globs of the path, or regular expressions after ``E@``.

    Example:
        saltern run '*' cp.cache_dir salt://nginx include_pat='*.conf'
    """
    found = host.supply.files(_inside(path), saltenv)
    wanted = [
        one
        for one in found
        if (not include_pat or _fits(one, include_pat)) and not (exclude_pat and _fits(one, exclude_pat))
    ]
    return [cache_file(host, _SCHEME + one, saltenv) for one in wanted]


def cache_master(host: Host, saltenv: str | None = None) -> list[str]:
    """Bring every file of an environment into the agent's cache and return where they are.

    Example:
        saltern run '*' cp.cache_master saltenv=base
    """
    return cache_dir(host, _SCHEME, saltenv)


def hash_file(host: Host, path: str, saltenv: str | None = None) -> dict[str, str]:
    """Return a file's SHA-256; nothing when there is no such file.

    Example:
        saltern run '*' cp.hash_file salt://motd
    """
    if path.startswith("/"):
        import hashlib

        return {"hsum": hashlib.sha256(host.read(path)).hexdigest(), "hash_type": "sha256"}
    found = host.supply.cached(path, saltenv)
    return {} if found is None else {"hsum": found.sha256, "hash_type": "sha256"}


def stat_file(host: Host, path: str, saltenv: str | None = None, octal: bool = True) -> str | int:
    """Return the mode a file has in the file roots, as ``0644``; empty when there is no such file.

    Example:
        saltern run '*' cp.stat_file salt://script.sh
    """
    found = host.supply.cached(path, saltenv)
    if found is None:
        return ""
    return f"{found.mode:04o}" if octal else found.mode


def list_master(host: Host, saltenv: str | None = None, prefix: str = "") -> list[str]:
    """Return the paths of all files of an environment that begin with ``prefix``.

    Example:
        saltern run '*' cp.list_master
    """
    return [path for path in host.supply.files("", saltenv) if path.startswith(prefix)]


def list_master_dirs(host: Host, saltenv: str | None = None, prefix: str = "") -> list[str]:
    """Return the paths of all directories of an environment that begin with ``prefix``.

    Example:
        saltern run '*' cp.list_master_dirs
    """
    return [path for path in host.supply.directories("", saltenv) if path.startswith(prefix)]


def list_master_symlinks(host: Host, saltenv: str | None = None, prefix: str = "") -> dict[str, str]:
    """Return the symbolic links of an environment that begin with ``prefix``, and where each points.

    Example:
        saltern run '*' cp.list_master_symlinks
    """
    found = host.supply.links("", saltenv)
    return {path: target for path, target in found.items() if path.startswith(prefix)}


def list_states(host: Host, saltenv: str | None = None) -> list[str]:
    """Return the names of all SLS of an environment.

    Example:
        saltern run '*' cp.list_states
    """
    names = (path.removesuffix(".sls") for path in host.supply.files("", saltenv) if path.endswith(".sls"))
    return sorted({name.removesuffix("/init").replace("/", ".") for name in names})


def envs(host: Host) -> list[str]:
    """Return the names of the environments there are.

    Example:
        saltern run '*' cp.envs
    """
    return list(host.supply.environments())


def push(host: Host, path: str, keep_symlinks: bool = False, upload_path: str | None = None) -> bool:
    """Send a file of this host to the controllers, if they take any; the backend ``minionfs`` shows it.

    ``upload_path`` is how it is called there. A symbolic link is refused unless ``keep_symlinks``: then what
    it leads to is sent.

    Example:
        saltern run web1 cp.push /etc/nginx/nginx.conf
    """
    if not path.startswith("/") or ".." in path.split("/"):
        raise BadArgument(f"{path!r} is no plain absolute path")
    found = host.stat(path, follow=False)
    if found is not None and found.kind == "link" and not keep_symlinks:
        raise BadArgument(f"{path} is a symbolic link", hint="keep_symlinks=True sends what it leads to")
    _agent(host).push(path, posixpath.normpath(upload_path or path).strip("/"))
    return True


def push_dir(host: Host, path: str, glob: str | None = None, upload_path: str | None = None) -> bool:
    """Send all regular files below a directory, those whose name fits ``glob``; links are left out.

    Example:
        saltern run web1 cp.push_dir /etc/nginx glob='*.conf'
    """
    agent, above = _agent(host), (upload_path or path).rstrip("/")
    for found in _files_below(host, path.rstrip("/")):
        if glob is None or fnmatch.fnmatchcase(posixpath.basename(found), glob):
            agent.push(found, posixpath.normpath(above + found[len(path.rstrip("/")) :]).strip("/"))
    return True


# --- how -------------------------------------------------------------------------------------------------


def _inside(path: str) -> str:
    """Return the path within the file roots that an address of a directory means."""
    if not path.startswith(_SCHEME):
        raise BadArgument(f"{path!r} is no salt:// address")
    return path.removeprefix(_SCHEME).strip("/")


def _rendered(host: Host, engine: str, text: str) -> str:
    return host.supply.render(engine, text, {}, text)


def _fetched(host: Host, url: str) -> bytes:
    local = url.removeprefix("file://")
    if local.startswith("/"):
        return host.read(local)
    answer = host.http(Request(url=url))
    if answer.status != 200:
        raise NotFound(f"{url}: the server answered {answer.status}")
    return answer.body


def _check(data: bytes, wanted: str | None, where: str) -> None:
    """Raise BadArgument when data is not what ``wanted`` (``sha256=…``, or the bare digits) says."""
    if not wanted:
        return
    import hashlib

    lengths = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
    kind, _, digits = wanted.replace(":", "=").rpartition("=")
    kind = kind or lengths.get(len(digits), "")
    if kind not in lengths.values():
        raise BadArgument(f"source_hash = {wanted!r}: not a hash", hint="write sha256=… in hexadecimal")
    _compare(hashlib.new(kind, data, usedforsecurity=False).hexdigest(), digits, where)


def _compare(found: str, wanted: str, where: str) -> None:
    digits = wanted.replace(":", "=").rpartition("=")[2].strip().lower()
    if found != digits:
        raise BadArgument(f"{where} has the hash {found}, not {digits}", hint="has the file been changed?")


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("E@"):
        return re.search(pattern[2:], path) is not None
    return fnmatch.fnmatchcase(path, pattern)


def _agent(host: Host) -> AgentControl:
    if host.agent is None:
        raise NotSupported("there is no agent here to send files", hint="saltern run HOST cp.push PATH")
    return host.agent


def _files_below(host: Host, path: str) -> Iterator[str]:
    for name in host.list_directory(path):
        below = f"{path}/{name}"
        found = host.stat(below, follow=False)
        if found is not None and found.kind == "directory":
            yield from _files_below(host, below)
        elif found is not None and found.kind == "file":
            yield below
