"""From what an SLS says of packages to what the package manager is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.library.pkg import versions
from saltern.library.pkg.manager import Available, PackageManager, Versions, Wish
from saltern.sdk import BadArgument, NotFound

Version = str | int | float | None
Packages = list[str | int | float | dict[str, Any]]

#: This, in place of a version, is the newest there is.
LATEST = "latest"


def wishes(name: str, version: Version = None, pkgs: Packages | None = None) -> list[Wish]:
    """Return the packages of ``pkgs``, else the one called ``name``. Raises BadArgument."""
    if pkgs is None:
        return [Wish(name, _text(version))]
    if not pkgs:
        raise BadArgument("pkgs names no package", hint="pkgs: [vim, nginx: '1.22.*']")
    found: list[Wish] = []
    for given in pkgs:
        entries = given.items() if isinstance(given, dict) else [(str(given), None)]
        found += [Wish(str(one), _text(wanted)) for one, wanted in entries]
    return found


def _text(version: object) -> str:
    if version is None:
        return ""
    if isinstance(version, bool) or not isinstance(version, str | int | float):
        raise BadArgument(f"{version!r} is no version", hint="write it in quotes: '1.10'")
    return str(version)


def number_warnings(version: object, pkgs: Packages | None) -> tuple[str, ...]:
    """Warn of versions that YAML has read as numbers: 1.10 has become 1.1."""
    given = [one for entry in pkgs or [] if isinstance(entry, dict) for one in entry.values()]
    return tuple(
        f"the version {one} was read as a number: write it in quotes, or 1.10 becomes 1.1"
        for one in [version, *given]
        if isinstance(one, float)
    )


def is_there(wish: Wish, there: Versions, manager: PackageManager, rules: Rules) -> bool:
    """Tell whether a package is there as wished. ``latest`` is for ``exact`` to judge."""
    found = there.get(wish.name, ())
    if not found:
        return wish.name in rules.provided and not wish.version
    if not wish.version or wish.version == LATEST:
        return True
    if any(_good(one, wish.version, manager, rules) for one in found):
        return True
    return rules.allow_updates and any(_newer(one, wish.version, manager) for one in found)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How versions are looked at. ``provided`` are the names that installed packages stand for."""

    allow_updates: bool = False
    ignore_epoch: bool = False
    provided: Mapping[str, str] = {}


def _good(version: str, wanted: str, manager: PackageManager, rules: Rules) -> bool:
    return versions.satisfies(version, wanted, manager.compare, ignore_epoch=rules.ignore_epoch)


def _newer(version: str, wanted: str, manager: PackageManager) -> bool:
    return versions.is_exact(wanted) and manager.compare(version, versions.parse(wanted)[1]) > 0


def exact(wished: Sequence[Wish], manager: PackageManager, fromrepo: str, rules: Rules) -> list[Wish]:
    """Return the wishes with versions as the repositories have them. Raises NotFound."""
    asked = [wish.name for wish in wished if wish.version and not wish.file]
    known = manager.available(asked, fromrepo) if asked else {}
    return [
        wish if wish.file or not wish.version else _exact(wish, known.get(wish.name), manager, rules)
        for wish in wished
    ]


def _exact(wish: Wish, known: Available | None, manager: PackageManager, rules: Rules) -> Wish:
    if known is None:
        raise NotFound(f"no repository has a package {wish.name}", hint="refresh: True fetches the lists")
    if wish.version == LATEST:
        return msgspec.structs.replace(wish, version=known.candidate)
    good = [one for one in known.versions if _good(one, wish.version, manager, rules)]
    if not good:
        there = ", ".join(known.versions[:10])
        raise NotFound(f"no repository has {wish.name} {wish.version}", hint=f"they have {there}")
    return msgspec.structs.replace(wish, version=versions.newest(good, manager.compare))


def behind(
    names: Sequence[str], there: Versions, known: Mapping[str, Available], manager: PackageManager
) -> list[Wish]:
    """Return those that are missing, or older than what the repositories have, with that version."""
    return [
        Wish(name, known[name].candidate)
        for name in names
        if name in known
        and (not there.get(name) or manager.compare(there[name][-1], known[name].candidate) < 0)
    ]
