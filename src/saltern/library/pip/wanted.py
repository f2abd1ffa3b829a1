"""What pip may be asked for: names with versions, addresses, files, and files that list those."""

from __future__ import annotations

import re

import msgspec

from saltern.library.pip.versions import satisfies
from saltern.sdk import BadArgument

_NAMED = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*"
    r"\(?(?P<versions>[^()@;\[\]]*)\)?\s*",
    re.ASCII,
)
_SPECIFIER = re.compile(r"(===|==|~=|!=|<=|>=|<|>)\s*([A-Za-z0-9.*+!_-]+)", re.ASCII)
_WHEEL = re.compile(r"(?P<name>[^/-]+)-(?P<version>[^/-]+)(-\d[^/-]*)?-[^/-]+-[^/-]+-[^/-]+\.whl")
_SOURCE = re.compile(r"(?P<name>[^/]+)-(?P<version>\d[^/-]*)\.(tar\.(gz|bz2|xz)|tgz|zip)")


class Wanted(msgspec.Struct, frozen=True):
    """One thing to have. ``name`` is empty when only pip can find out what it is called."""

    text: str
    name: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    has_marker: bool = False

    def is_met(self, installed: dict[str, str]) -> bool:
        """Tell whether it is among what is installed: normalized names with versions."""
        here = installed.get(self.name) if self.name else None
        return here is not None and satisfies(here, self.versions)


def normalized(name: str) -> str:
    """Return a name as all its spellings have it: ``Zope.Interface`` is ``zope-interface``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(text: str) -> Wanted:
    """Return what ``name``, ``name>=1,<2``, ``name @ https://…``, a path or an address asks for.

    Raises BadArgument.
    """
    text = text.strip()
    if not text or text.startswith("-") or not text.isprintable():
        raise BadArgument(
            f"{text!r} is nothing pip can install", hint="files and options are requirements: and extra_args:"
        )
    bare, _, marker = text.partition(";") if "://" not in text else text.partition(" ;")
    name, at, _ = bare.partition(" @ ")
    if at and (found := _NAMED.fullmatch(name)):
        return Wanted(text, normalized(found["name"]), has_marker=bool(marker))
    if "/" in bare or bare.endswith((".whl", ".tar.gz", ".zip")) or "://" in bare:
        return _of_place(text, bare.strip())
    return _named(text, bare, bool(marker))


def _named(text: str, bare: str, has_marker: bool) -> Wanted:
    found = _NAMED.fullmatch(bare.strip())
    parts = [one.strip() for one in (found["versions"] if found else "").split(",") if one.strip()]
    read = [_SPECIFIER.fullmatch(one) for one in parts]
    if found is None or not all(read):
        raise BadArgument(f"{text!r} is no requirement", hint="write name, name==1.2 or name>=1,<2")
    versions = tuple((one[1], one[2]) for one in read if one)
    satisfies("0", versions)  # raises for what is no version
    return Wanted(text, normalized(found["name"]), versions, has_marker)


def _of_place(text: str, place: str) -> Wanted:
    """Return what a file or an address holds, as far as its name says so."""
    path, _, fragment = place.partition("#")
    egg = re.search(r"(?:^|&)egg=([A-Za-z0-9._-]+)", fragment)
    if egg:
        return Wanted(text, normalized(egg[1]))
    last = path.rstrip("/").rpartition("/")[2]
    found = _WHEEL.fullmatch(last) or _SOURCE.fullmatch(last)
    if found and not path.startswith(("git+", "hg+", "svn+", "bzr+")):
        return Wanted(text, normalized(found["name"]), (("==", found["version"]),))
    return Wanted(text)


def of_file(text: str) -> list[Wanted] | None:
    """Return what a file of requirements lists; None when it holds options or more that pip must read."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    bare = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
    if any(line.startswith("-") or " --" in line or "${" in line for line in bare):
        return None
    found = [wanted(line) for line in bare if line]
    return None if any(one.has_marker or not one.name for one in found) else found
