"""``file.find``: what lies below a directory, chosen as the program find chooses."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from saltern.library.file import place
from saltern.sdk import BadArgument, Command, Host, NotAllowed, Stat, takes

_TYPES = {
    "f": "file",
    "d": "directory",
    "l": "link",
    "p": "pipe",
    "s": "socket",
    "b": "device",
    "c": "device",
}
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_BYTES = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


Owner = str | int | list[str | int] | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The tests and actions of ``file.find``."""

    name: Annotated[str | None, Meta(description="a glob about the name")] = None
    iname: Annotated[str | None, Meta(description="the same, whatever the case")] = None
    regex: Annotated[str | None, Meta(description="a regular expression about the path")] = None
    iregex: Annotated[str | None, Meta(description="the same, whatever the case")] = None
    type: Annotated[str | None, Meta(description="letters: fdlpsbc")] = None
    user: Annotated[Owner, Meta(description="names or ids of owners")] = None
    owner: Annotated[Owner, Meta(description="the same as user")] = None
    group: Annotated[Owner, Meta(description="names or ids of groups")] = None
    size: Annotated[str | int | None, Meta(description="10m, +10m (at least), -10m (at most), 1k-1m")] = None
    mtime: Annotated[str | int | None, Meta(description="changed within 2d; +2d: longer ago")] = None
    grep: Annotated[str | None, Meta(description="a regular expression that matches in the file")] = None
    maxdepth: Annotated[int | None, Meta(description="levels below the path that are looked at")] = None
    mindepth: Annotated[int, Meta(description="levels below the path that are left out")] = 0
    print: Annotated[
        str, Meta(description="what is returned: path, name, size, type, mode, mtime, user, group, md5")
    ] = "path"
    delete: Annotated[
        bool | str, Meta(description="remove files that are found, or things of these types")
    ] = False
    exec: Annotated[str | None, Meta(description="a command to run on each, {} is the path")] = None


@takes(Wanted)
def find(host: Host, path: str, **options: Any) -> list[Any]:
    """Return the paths below a directory, and it, that all tests are true of, sorted as they are met.

    Tests: ``name``, ``iname`` (globs), ``regex``, ``iregex`` (whole paths), ``type`` (letters ``fdlpsbc``),
    ``user``, ``group``, ``size`` (``10m``, ``+10m``, ``-10m``, ``1k-1m``), ``mtime`` (changed within ``2d``;
    ``+2d`` longer ago), ``grep``, ``maxdepth``, ``mindepth``. ``print`` names what is returned of each
    (``path,size,type,user,group,mode,mtime,name,md5``). ``delete`` (true, or types) removes what is found,
    ``exec`` runs a command with ``{}`` for the path. Links are not followed.

    Example:
        saltern run '*' file.find /var type=f name='*.log' size=+10m
    """
    wanted = Wanted(**options)
    top = path.rstrip("/") or "/"
    there = host.stat(top, follow=False)
    if there is None:
        return []
    found = [one for one in _walk(host, top, there, 0, wanted) if _fits(host, *one, wanted)]
    shown = [_printed(host, *one, wanted.print) for one in found]
    for one, what in reversed(found):
        _done(host, one, what, wanted)
    return shown


def _walk(host: Host, path: str, there: Stat, depth: int, wanted: Wanted) -> Iterator[tuple[str, Stat]]:
    if depth >= wanted.mindepth:
        yield path, there
    if there.kind != "directory" or (wanted.maxdepth is not None and depth >= wanted.maxdepth):
        return
    try:
        names = host.list_directory(path)
    except NotAllowed:
        return
    for name in names:
        below = f"{path.rstrip('/')}/{name}"
        what = host.stat(below, follow=False)
        if what is not None:
            yield from _walk(host, below, what, depth + 1, wanted)


def _fits(host: Host, path: str, there: Stat, wanted: Wanted) -> bool:
    name = path.rpartition("/")[2]
    return (
        (wanted.name is None or fnmatch.fnmatchcase(name, wanted.name))
        and (wanted.iname is None or fnmatch.fnmatchcase(name.lower(), wanted.iname.lower()))
        and (wanted.regex is None or _matches(wanted.regex, path, 0))
        and (wanted.iregex is None or _matches(wanted.iregex, path, re.IGNORECASE))
        and (wanted.type is None or _is_of(there, wanted.type))
        and _is_of_owner(host, there, wanted)
        and (wanted.size is None or _in_range(there.size, str(wanted.size), _BYTES, "b"))
        and (wanted.mtime is None or _is_recent(host.now() - there.modified, str(wanted.mtime)))
        and (wanted.grep is None or _holds(host, path, there, wanted.grep))
    )


def _matches(pattern: str, path: str, flags: int) -> bool:
    return re.search(place.expression(pattern), path, flags) is not None


def _is_of(there: Stat, letters: str) -> bool:
    for letter in letters.replace(",", ""):
        if letter not in _TYPES:
            raise BadArgument(f"type: {letter!r} is no type", hint=f"there are {', '.join(_TYPES)}")
        if there.kind == _TYPES[letter] and (there.kind != "device" or there.block == (letter == "b")):
            return True
    return False


def _is_of_owner(host: Host, there: Stat, wanted: Wanted) -> bool:
    users = _listed(wanted.user if wanted.owner is None else wanted.owner)
    groups = _listed(wanted.group)
    return (not users or any(place.wanted(host, one, None, None).uid == there.uid for one in users)) and (
        not groups or any(place.wanted(host, None, one, None).gid == there.gid for one in groups)
    )


def _listed(given: Owner) -> list[str | int]:
    if isinstance(given, str):
        return [one.strip() for one in given.split(",")]
    return [] if given is None else given if isinstance(given, list) else [given]


def _in_range(value: float, written: str, units: dict[str, int], unit: str) -> bool:
    """Tell whether a number is what ``10m``, ``+10m`` (at least), ``-10m`` (at most) or ``1k-1m`` say."""
    low, dash, high = written.lstrip("+-").partition("-")
    first = _number(low, units, unit)
    if dash:
        return first <= value <= _number(high, units, unit)
    if written.startswith("+"):
        return value >= first
    return value <= first if written.startswith("-") else value == first


def _is_recent(age: float, written: str) -> bool:
    """Tell whether an age is at most what is written, or at least after a plus."""
    seconds = sum(_number(one, _SECONDS, "d") for one in re.findall(r"\d+[a-z]?", written.lower()))
    return age >= seconds if written.startswith("+") else age <= seconds


def _number(written: str, units: dict[str, int], unit: str) -> int:
    found = re.fullmatch(r"(\d+)([a-z]?)b?", written.strip().lower())
    if found is None or (found[2] or unit) not in units:
        raise BadArgument(f"{written!r} is no number with a unit", hint=f"units are {', '.join(units)}")
    return int(found[1]) * units[found[2] or unit]


def _holds(host: Host, path: str, there: Stat, pattern: str) -> bool:
    if there.kind != "file":
        return False
    return re.search(place.expression(pattern), place.decoded(host.read(path)), re.MULTILINE) is not None


def _printed(host: Host, path: str, there: Stat, wanted: str) -> Any:
    """Return what is asked for of a path: one thing as it is, several in a list."""
    from saltern.library.file.look import gid_to_group, uid_to_user

    letters = {kind: letter for letter, kind in _TYPES.items() if kind != "device"}
    known = {
        "path": path,
        "name": path.rpartition("/")[2],
        "size": there.size,
        "type": letters.get(there.kind, "b" if there.block else "c"),
        "mode": place.shown(there.mode),
        "mtime": there.modified,
        "user": uid_to_user(host, there.uid),
        "group": gid_to_group(host, there.gid),
    }
    if "md5" in wanted:
        known["md5"] = place.digest("md5", host.read(path)) if there.kind == "file" else ""
    names = [name.strip() for name in wanted.split(",")]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadArgument(f"print: there is no {unknown[0]!r}", hint=f"there are {', '.join(known)}, md5")
    return known[names[0]] if len(names) == 1 else [known[name] for name in names]


def _done(host: Host, path: str, there: Stat, wanted: Wanted) -> None:
    """Remove what is found, or run the command on it, as is asked for."""
    if wanted.exec is not None:
        words = [word.replace("{}", path) for word in shlex.split(wanted.exec)]
        host.execute(Command(argv=tuple(words)))
    letters = wanted.delete if isinstance(wanted.delete, str) else "f" if wanted.delete else ""
    if letters and _is_of(there, letters):
        (host.remove_tree if there.kind == "directory" else host.remove)(path)
