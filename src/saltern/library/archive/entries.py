"""What an archive holds, and which of it may be unpacked: pure decisions about names, links and sizes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from saltern.library.archive.options import Rules
from saltern.sdk import Conflict, OutputTooLarge

Kind = Literal["file", "directory", "link", "hard", "pipe", "device"]
#: Entries that an archive may have.
_MOST = 1_000_000
#: Links that are followed to learn where one leads.
_MOST_LINKS = 40


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in an archive. ``path`` is relative, without ``..``; ``handle`` is the archive's own."""

    path: str
    kind: Kind = "file"
    mode: int = 0o644
    size: int = 0
    modified: float = 0.0
    uid: int | None = None  # None: the archive does not say
    gid: int | None = None
    user: str = ""
    group: str = ""
    target: str = ""  # of a link as written; of another name of a file the path it has here
    device: tuple[int, int] = (0, 0)
    block: bool = False
    handle: Any = None


def relative(name: str) -> str:
    """Return a name as a path below a directory; nothing for the directory itself. Raises Conflict."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise Conflict(f"the archive holds {name!r}, which leads out of the directory")
    return "/".join(parts)


def chosen(entries: Iterable[Entry], rules: Rules) -> list[Entry]:
    """Return the entries to unpack, each path once, the last of several; checked as a whole.

    Raises Conflict for what leads out or is no file, OutputTooLarge.
    """
    found: dict[str, Entry] = {}
    for entry in entries:
        if rules.members and not any(_is_below(entry.path, one) for one in rules.members):
            continue
        if any(_excluded(entry.path, one) for one in rules.exclude):
            continue
        kept = _stripped(entry, rules)
        if kept is not None:
            found[kept.path] = kept
    every = list(found.values())
    _refuse_strange(found, rules)
    return every


def _stripped(entry: Entry, rules: Rules) -> Entry | None:
    """Return an entry with the first parts of its path cut off; None when nothing is left."""
    if rules.junk_paths:
        name = posixpath.basename(entry.path)
        return None if entry.kind == "directory" else msgspec.structs.replace(entry, path=name)
    cut = entry.path.split("/")[rules.strip :]
    if not cut or not cut[0]:
        return None
    target = entry.target
    if entry.kind == "hard":
        target = "/".join(target.split("/")[rules.strip :])
    return msgspec.structs.replace(entry, path="/".join(cut), target=target)


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")


def _excluded(path: str, pattern: str) -> bool:
    """Tell whether a path, a directory above it, or the end of one of these fits a pattern."""
    parts = path.split("/")
    return any(
        fnmatchcase("/".join(parts[begin:end]), pattern)
        for end in range(1, len(parts) + 1)
        for begin in range(end)
    )


def _refuse_strange(entries: Mapping[str, Entry], rules: Rules) -> None:
    for entry in entries.values():
        for above in _above(entry.path):
            if above in entries and entries[above].kind != "directory":
                raise Conflict(f"the archive holds {above!r} as a {entries[above].kind} and as a directory")
        if entry.kind in ("device", "pipe") and not rules.permissions:
            raise Conflict(f"the archive holds {entry.path!r}, a {entry.kind}", hint="- options: -p takes it")
        if entry.kind == "hard" and (entry.target not in entries or entries[entry.target].kind != "file"):
            raise Conflict(f"{entry.path!r} is another name of {entry.target!r}, no file of the archive")
        if entry.kind == "link" and not rules.absolute and leads_out(entry, entries):
            raise Conflict(
                f"the archive holds the link {entry.path!r}, which leads out: {entry.target}",
                hint="- options: -P takes it",
            )


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def leads_out(entry: Entry, entries: Mapping[str, Entry]) -> bool:
    """Tell whether a link, followed through the archive's other links, leaves the directory or never ends."""
    here: list[str] = entry.path.split("/")[:-1]
    left = _parts(entry.target)
    if entry.target.startswith("/"):
        return True
    followed = 0
    while left:
        part = left.pop(0)
        if part == "..":
            if not here:
                return True
            here.pop()
            continue
        there = entries.get("/".join([*here, part]))
        if there is None or there.kind != "link":
            here.append(part)
            continue
        followed += 1
        if there.target.startswith("/") or followed > _MOST_LINKS:
            return True
        left = [*_parts(there.target), *left]
    return False


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


class Measure:
    """Counts what an archive holds, and stops at what is beyond reason."""

    def __init__(self, archive: int, most: int | None) -> None:
        """Take the archive's own size in bytes, and what it may unpack to; by default a hundredfold."""
        self._most = max(1 << 30, archive * 100) if most is None else most
        self._bytes = self._count = 0

    def add(self, size: int) -> None:
        """Count an entry. Raises OutputTooLarge."""
        self._bytes += max(size, 0)
        self._count += 1
        if self._bytes > self._most or self._count > _MOST:
            raise OutputTooLarge(
                f"the archive would unpack to more than {self._most} bytes, or {_MOST} files",
                hint="- max_size: bytes, if that is meant",
            )


def shown(path: str) -> str:
    """Return a path as it may be shown, though it be no UTF-8."""
    return path.encode(errors="surrogateescape").decode(errors="replace")


class TopLevel(msgspec.Struct, frozen=True):
    """The first parts of all paths, by what they are."""

    directories: list[str]
    files: list[str]
    links: list[str]


def top_level(entries: Iterable[Entry]) -> TopLevel:
    """Return what lies directly in the directory."""
    kinds: dict[str, str] = {}
    for entry in entries:
        name, below, _ = entry.path.partition("/")
        if name:
            kinds[name] = "directory" if below else kinds.get(name) or entry.kind

    def of(*wanted: str) -> list[str]:
        return sorted(name for name, kind in kinds.items() if kind in wanted)

    return TopLevel(of("directory"), of("file", "hard", "pipe", "device"), of("link"))
