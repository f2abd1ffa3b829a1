"""apt's lists of repositories: what is in which file, and putting one in or taking it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from saltern.library.pkg.repositories.entry import (
    Entry,
    join_stanzas,
    parse_line,
    parse_stanza,
    split_stanzas,
)
from saltern.sdk import Host

MAIN = "/etc/apt/sources.list"
FOLDER = "/etc/apt/sources.list.d"


def files(host: Host) -> list[str]:
    """Return the paths of all lists, in apt's order."""
    inside = host.list_directory(FOLDER) if host.exists(FOLDER) else []
    named = [f"{FOLDER}/{name}" for name in inside if name.endswith((".list", ".sources"))]
    return [path for path in (MAIN, *named) if host.exists(path)]


def entries(host: Host) -> Iterator[tuple[str, Entry]]:
    """Give every repository with the file it stands in, also those that are disabled."""
    for path in files(host):
        for entry in parse(path, host.text(path)):
            yield path, entry


def parse(path: str, text: str) -> list[Entry]:
    """Return the repositories in a file's text; its name tells how it is written."""
    if path.endswith(".sources"):
        return [entry for stanza in split_stanzas(text) for entry in parse_stanza(stanza)]
    return [entry for entry in map(parse_line, text.splitlines()) if entry is not None]


def find(host: Host, wanted: Entry) -> tuple[str, Entry] | None:
    """Return the same repository where it stands; enabled ones first."""
    same = [(path, entry) for path, entry in entries(host) if entry.place == wanted.place]
    return min(same, key=lambda one: one[1].disabled, default=None)


def with_entry(path: str, text: str, entry: Entry) -> str:
    """Return a file's text with a repository in it, in the place of the same one that was there."""
    if path.endswith(".sources"):
        kept = _without_stanza(text, entry)
        return join_stanzas([*kept, entry.stanza])
    lines = text.splitlines()
    places = [number for number, line in enumerate(lines) if _is(line, entry)]
    if places:
        lines[places[0]] = entry.line
        lines = [line for number, line in enumerate(lines) if number not in places[1:]]
    else:
        lines.append(entry.line)
    return "\n".join(lines) + "\n"


def without(path: str, text: str, entry: Entry) -> str:
    """Return a file's text without a repository; "" when nothing is left but empty lines."""
    if path.endswith(".sources"):
        return join_stanzas(_without_stanza(text, entry))
    lines = [line for line in text.splitlines() if not _is(line, entry)]
    return "\n".join(lines) + "\n" if any(line.strip() for line in lines) else ""


def _is(line: str, entry: Entry) -> bool:
    found = parse_line(line)
    return found is not None and found.place == entry.place


def _without_stanza(text: str, entry: Entry) -> list[str]:
    """Return the stanzas, that of ``entry`` cut down to what else it is for."""
    kept: list[str] = []
    for stanza in split_stanzas(text):
        there = parse_stanza(stanza)
        others = [one for one in there if one.place != entry.place]
        if len(others) == len(there):
            kept.append(stanza)
        else:
            kept += [one.stanza for one in others]
    return kept


def shown(path: str, entry: Entry) -> dict[str, Any]:
    """Return a repository as functions give it."""
    return {
        "file": path,
        "type": entry.kind,
        "uri": entry.uri,
        "dist": entry.suite,
        "comps": list(entry.components),
        "architectures": [one for one in entry.option("arch").split(",") if one],
        "signedby": entry.option("signed-by"),
        "disabled": entry.disabled,
        "line": msgspec.structs.replace(entry, disabled=False).line,
    }


def described(entry: Entry) -> Mapping[str, Any]:
    """Return what of a repository is compared, under the names people use."""
    return {
        "comps": list(entry.components),
        "architectures": sorted(one for one in entry.option("arch").split(",") if one),
        "signedby": entry.option("signed-by"),
        "options": {name: value for name, value in entry.options if name not in ("arch", "signed-by")},
        "disabled": entry.disabled,
    }
