"""What ext file systems and SELinux note of a file: attributes (``chattr``) and contexts (``chcon``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saltern.sdk import BadArgument, Command, CommandFailed, Host, NotSupported

#: Attributes that people set; the others are the file system's own.
SETTABLE = "aAcCdDeFijmPsStTux"
_PARTS = {"seuser": "user", "serole": "role", "setype": "type", "serange": "range"}


def attributes(host: Host, path: str) -> str | None:
    """Return a file's attributes as letters; None where its file system has none. Raises NotSupported."""
    if host.which("lsattr") is None:
        raise NotSupported("the program 'lsattr' is not on this host", hint="install e2fsprogs")
    done = host.execute(Command(argv=("lsattr", "-d", "--", path)))
    found = re.match(r"(\S+)\s", done.stdout.decode(errors="replace"))
    return None if done.retcode or found is None else found[1].replace("-", "")


def context(host: Host, path: str) -> dict[str, str]:
    """Return a file's SELinux context: ``{user, role, type, range}``; empty without SELinux."""
    done = host.execute(Command(argv=("stat", "-c", "%C", "--", path)))
    parts = done.stdout.decode(errors="replace").strip().split(":", 3)
    return (
        {}
        if done.retcode or len(parts) < 3
        else dict(zip(("user", "role", "type", "range"), parts, strict=False))
    )


def differ(host: Host, path: str, attrs: str | None, selinux: Mapping[str, str] | None) -> dict[str, Any]:
    """Return which of the attributes and parts of the context asked for are otherwise."""
    found: dict[str, Any] = {}
    if attrs is not None:
        now = attributes(host, path)
        if now is not None and _own(now) != _own(_checked(attrs)):
            found["attrs"] = attrs
    if selinux:
        here, wanted = context(host, path), _parts(selinux)
        if any(here.get(part) != value for part, value in wanted.items()):
            found["selinux"] = {"old": here, "new": wanted}
    return found


def give(host: Host, path: str, attrs: str | None, selinux: Mapping[str, str] | None) -> None:
    """Set attributes and context where they are otherwise. Raises CommandFailed, NotSupported."""
    found = differ(host, path, attrs, selinux)
    if "attrs" in found:
        host.run("chattr", f"={_checked(attrs or '')}", "--", path)
    if "selinux" in found:
        set_context(host, path, _parts(selinux or {}))


def set_context(host: Host, path: str, parts: Mapping[str, str]) -> None:
    """Set parts of a file's context: ``user``, ``role``, ``type``, ``range``."""
    options = [f"--{part}={value}" for part, value in parts.items()]
    if host.which("chcon") is None:
        raise CommandFailed("the program 'chcon' is not on this host", hint="install coreutils with SELinux")
    host.run("chcon", *options, "--", path)


def _own(letters: str) -> str:
    """Return the attributes that are not the file system's own doing (``e``: extents), sorted."""
    return "".join(sorted(set(letters) - set("eEINV")))


def _checked(letters: str) -> str:
    wrong = [letter for letter in letters if letter not in SETTABLE]
    if wrong:
        raise BadArgument(f"attrs: {wrong[0]!r} is no attribute", hint=f"there are {SETTABLE}")
    return letters


def _parts(given: Mapping[str, str]) -> dict[str, str]:
    known = {**_PARTS, **{part: part for part in _PARTS.values()}}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise BadArgument(f"selinux: no part {unknown[0]!r}", hint=f"there are {', '.join(_PARTS)}")
    return {known[name]: value for name, value in given.items()}
