"""The kernel's devices and settings, as files below /sys. Paths are relative to it."""

from __future__ import annotations

import posixpath
from typing import Any

from saltern.sdk import BadArgument, Conflict, Host, NotAllowed, NotFound

ROOT = "/sys"


def read(host: Host, key: str, root: str = "") -> Any:
    """Return what a file holds, a number where it is one; of several, with commas between, by their names.

    ``root`` is a directory they are in. A directory among them gives the files in it. Raises NotFound.

    Example:
        saltern run '*' sysfs.read block/sda/queue/rotational
    """
    names = [one.strip() for one in key.split(",")]
    found = {one: _value(host, posixpath.join(root, one)) for one in names}
    return found if len(names) > 1 else found[names[0]]


def write(host: Host, key: str, value: str | int) -> bool:
    """Write a value into a file. Raises NotFound, CommandFailed with what the kernel says.

    Example:
        saltern run web1 sysfs.write block/sda/queue/scheduler none
    """
    path = _path(key)
    if not host.exists(path):
        raise NotFound(f"{path}: no such file")
    host.run("tee", path, stdin=f"{value}\n".encode())  # in place: nothing can be made or replaced there
    return True


def attr(host: Host, key: str, value: str | int | None = None) -> Any:
    """Return what a file holds, or with ``value`` write it.

    Example:
        saltern run '*' sysfs.attr block/sda/queue/scheduler
    """
    return read(host, key) if value is None else write(host, key, value)


def target(host: Host, key: str, full: bool = True) -> str:
    """Return where a link leads: the whole path, or its last name.

    Example:
        saltern run '*' sysfs.target class/net/eth0 full=False
    """
    path = host.real_path(_path(key))
    return path if full else posixpath.basename(path)


def interfaces(host: Host, root: str) -> dict[str, list[str]]:
    """Return the files in a directory, and those below it, by what may be done: ``{r, w, rw}``.

    Links are not followed.

    Example:
        saltern run '*' sysfs.interfaces block/sda/queue
    """
    top = _path(root)
    found: dict[str, list[str]] = {"r": [], "w": [], "rw": []}
    waiting = [top]
    while waiting:
        here = waiting.pop()
        for name in host.list_directory(here):
            path = posixpath.join(here, name)
            there = host.stat(path, follow=False)
            if there is not None and there.kind == "directory":
                waiting.append(path)
            elif there is not None and there.kind == "file":
                how = ("r" if there.mode & 0o444 else "") + ("w" if there.mode & 0o222 else "")
                found[how or "r"].append(posixpath.relpath(path, top))
    return {how: sorted(names) for how, names in found.items() if names}


def _path(key: str) -> str:
    path = posixpath.normpath(posixpath.join(ROOT, key.removeprefix(ROOT).lstrip("/")))
    if not path.startswith(f"{ROOT}/") or "\0" in key:
        raise BadArgument(f"{key!r} is not below {ROOT}")
    return path


def _value(host: Host, key: str) -> Any:
    path = _path(key)
    try:
        return _plain(host.text(path).strip())
    except Conflict:
        inside = (name for name in host.list_directory(path))
        return {name: _readable(host, posixpath.join(path, name)) for name in inside}


def _readable(host: Host, path: str) -> Any:
    """Return a file's value; nothing for a directory, and for what can only be written."""
    try:
        return _plain(host.text(path).strip())
    except (Conflict, NotAllowed):
        return None


def _plain(text: str) -> str | int | float | list[str]:
    if "\n" in text:
        return text.splitlines()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
