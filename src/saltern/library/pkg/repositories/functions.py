"""The repositories there are: looked at, put in, taken out."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.library.pkg.providers import manager
from saltern.library.pkg.repositories import aptlists, entry, ini
from saltern.sdk import Host, NotFound


def list_repos(host: Host) -> dict[str, Any]:
    """Return the repositories: for apt ``{uri: [{type, dist …}]}``, else ``{id: {option: value}}``.

    Example:
        saltern run '*' pkg.list_repos
    """
    kind = manager(host).name
    if kind == "apt":
        by_uri: dict[str, Any] = {}
        for path, entry in aptlists.entries(host):
            by_uri.setdefault(entry.uri, []).append(aptlists.shown(path, entry))
        return by_uri
    folder = _folder(kind)
    return {name: {**options, "file": path} for path, name, options in ini.repositories(host, folder)}


def get_repo(host: Host, repo: str) -> dict[str, Any]:
    """Return one repository, by its line or its id; nothing when it is not there.

    Example:
        saltern run '*' pkg.get_repo 'deb https://deb.debian.org/debian bookworm main'
    """
    if manager(host).name != "apt":
        there: dict[str, Any] = list_repos(host).get(repo, {})
        return there
    same = aptlists.find(host, entry.required(repo))
    return aptlists.shown(*same) if same else {}


def del_repo(host: Host, repo: str, refresh: bool = True) -> str:
    """Take a repository out of the lists; a file with nothing left in it is removed. Raises NotFound.

    Example:
        saltern run '*' pkg.del_repo 'deb https://example.com/debian bookworm main'
    """
    kind = manager(host).name
    there = get_repo(host, repo)
    if not there:
        raise NotFound(f"no repository {repo!r}", hint="pkg.list_repos shows them")
    path = there["file"]
    if kind == "apt":
        left = aptlists.without(path, host.text(path), entry.required(repo))
    else:
        left = ini.without_section(host.text(path), repo)
    if left or path == aptlists.MAIN:
        host.write(path, left.encode())
    else:
        host.remove(path)
    if refresh:
        manager(host).refresh()
    return f"Repo '{repo}' has been removed from {path}"


def mod_repo(
    host: Host,
    repo: str,
    file: str = "",
    options: dict[str, Any] | None = None,
    enabled: bool = True,
    refresh: bool = True,
) -> dict[str, Any]:
    """Put a repository into the lists, or change the one that is there, and return it.

    ``options`` are apt's (``arch``, ``signed-by``) or those of a section (``baseurl``, ``gpgkey`` …).

    Example:
        saltern run 'G@os_family:RedHat' pkg.mod_repo x options='{baseurl: https://example.com/x}'
    """
    kind = manager(host).name
    given = {name: str(value) for name, value in (options or {}).items()}
    there = get_repo(host, repo)
    if kind == "apt":
        wanted = msgspec.structs.replace(entry.required(repo).with_options(**given), disabled=not enabled)
        path = there.get("file") or file or aptlists.MAIN
        text = aptlists.with_entry(path, host.text(path, ""), wanted)
    else:
        path = there.pop("file", "") or file or f"{_folder(kind)}/{repo}.repo"
        section = {"name": repo, **there, **given, "enabled": str(int(enabled))}
        text = ini.with_section(host.text(path, ""), repo, section)
    host.write(path, text.encode())
    if refresh:
        manager(host).refresh()
    return get_repo(host, repo)


def _folder(kind: str) -> str:
    return ini.ZYPP if kind == "zypper" else ini.YUM
