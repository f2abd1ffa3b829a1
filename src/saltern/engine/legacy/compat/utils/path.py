"""``salt.utils.path``: paths and programs of this machine."""

from __future__ import annotations

import os
import posixpath
import shutil
from collections.abc import Iterable, Iterator
from typing import Any


def which(exe: str | None = None) -> str | None:
    """Return where a program lies, the administrator's directories included; None when nowhere."""
    more = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
    places = [*os.environ.get("PATH", "").split(os.pathsep), *more]
    return shutil.which(exe, path=os.pathsep.join(dict.fromkeys(filter(None, places)))) if exe else None


def which_bin(exes: Iterable[str]) -> str | None:
    """Return where the first program that is there lies."""
    return next((found for exe in exes if (found := which(exe))), None)


def join(*parts: str, **kwargs: Any) -> str:
    """Return parts as one path; a part that begins with a slash begins nothing anew."""
    if not parts:
        return ""
    first, *rest = map(str, parts)
    return os.path.normpath(os.path.join(first, *(one.lstrip("/") for one in rest)))


def islink(path: str) -> bool:
    """Tell whether a path is a link."""
    return os.path.islink(path)


def readlink(path: str) -> str:
    """Return where a link points."""
    return os.readlink(path)


def sanitize_win_path(winpath: str) -> str:
    """Return a path without what Windows refuses."""
    return "".join("_" if one in '<>:|?*"' else one for one in winpath)


def check_or_die(command: str) -> None:
    """Raise CommandNotFoundError when a program is nowhere."""
    from saltern.engine.legacy.compat.exceptions import CommandNotFoundError

    if not which(command):
        raise CommandNotFoundError(f"'{command}' is not in the path")


def sanitize(filename: str) -> str:
    """Return the last part of a path."""
    return posixpath.basename(filename)


def os_walk(top: str, *args: Any, **kwargs: Any) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk through directories."""
    return os.walk(top, *args, **kwargs)


def safe_path(path: str, allow_path: str | None = None) -> bool:
    """Tell whether a path, links resolved, lies in the working directory or below another one."""
    allowed = os.path.abspath(allow_path or os.getcwd())
    return os.path.realpath(path).startswith(allowed.rstrip("/") + "/") or os.path.realpath(path) == allowed
