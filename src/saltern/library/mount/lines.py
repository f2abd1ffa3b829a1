"""The lines of /etc/fstab: read, changed and written without touching the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from saltern.sdk import BadArgument, Host

#: What stands in the second column for what is mounted nowhere.
NOWHERE = ("none", "swap")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file system that is mounted at boot."""

    device: str
    directory: str
    kind: str
    options: str = "defaults"
    dump: str = "0"
    number: str = "0"  # in which order it is checked


Outcome = Literal["new", "change", "present"]


def entries(host: Host, path: str) -> list[Entry]:
    """Return the entries of a file, in their order."""
    return [one for one in map(parsed, host.text(path, "").splitlines()) if one]


def put(text: str, wanted: Entry, match: Sequence[str], keep: bool = False) -> tuple[Outcome, str]:
    """Return what became of an entry, and the text that holds it.

    It takes the place of the last entry that is the same in the fields named in ``match``; with ``keep``
    such an entry stays as it is.
    """
    lines = text.splitlines()
    places = [at for at, line in enumerate(lines) if _same(parsed(line), wanted, match)]
    if not places:
        return "new", "\n".join([*lines, written(wanted), ""])
    if keep or parsed(lines[places[-1]]) == wanted:
        return "present", text
    lines[places[-1]] = written(wanted)
    return "change", "\n".join([*lines, ""])


def without(text: str, directory: str, devices: Sequence[str] | None) -> str:
    """Return a text without the entries of a mount point, of any device or one of those named."""
    left = []
    for line in text.splitlines():
        one = parsed(line)
        if one is None or one.directory != directory or (devices is not None and one.device not in devices):
            left.append(line)
    return "".join(f"{line}\n" for line in left)


def matched_by(wanted: Entry, match_on: str | list[str]) -> list[str]:
    """Return the fields by which an entry is found: its mount point, or its device where it has none.

    Raises BadArgument for a field there is not.
    """
    if match_on == "auto":
        return ["device"] if wanted.directory in NOWHERE else ["directory"]
    known = {"name": "directory", "device": "device", "fstype": "kind", "opts": "options"}
    names = [match_on] if isinstance(match_on, str) else match_on
    for one in names:
        if one not in known:
            raise BadArgument(f"match_on = {one!r}", hint=f"one of {', '.join(known)}, or auto")
    return [known[one] for one in names]


def parsed(line: str) -> Entry | None:
    """Return the entry that a line holds; None for a comment or what is none."""
    words = [_unescaped(word) for word in line.split()]
    if len(words) < 3 or words[0].startswith("#"):
        return None
    rest = [*words[3:6], *("defaults", "0", "0")[len(words) - 3 :]]
    return Entry(
        device=words[0], directory=words[1], kind=words[2], options=rest[0], dump=rest[1], number=rest[2]
    )


def written(entry: Entry) -> str:
    """Return an entry's line. Raises BadArgument for what can't stand in one."""
    words = [entry.device, entry.directory, entry.kind, entry.options, entry.dump, entry.number]
    for word in words:
        if not word or "\n" in word or "\0" in word or word.startswith("#"):
            raise BadArgument(f"{word!r} can't stand in the file of mounts")
    device, directory, kind, options, dump, number = map(_escaped, words)
    return f"{device}\t\t{directory}\t{kind}\t{options}\t{dump} {number}"


def _same(one: Entry | None, other: Entry, match: Sequence[str]) -> bool:
    return one is not None and all(getattr(one, name) == getattr(other, name) for name in match)


def _escaped(word: str) -> str:
    return re.sub(r"[ \t\\]", lambda met: f"\\{ord(met[0]):03o}", word)


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda met: chr(int(met[1], 8)), word)
