"""The names of SLS: ``a.b`` is ``a/b.sls`` or ``a/b/init.sls``, and never both."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import NamedTuple

from saltern.foundation.errors import Conflict
from saltern.sls.tree import Source, Tree, is_inside

_GLOB = frozenset("*?[")


class Found(NamedTuple):
    """An SLS: its path in the tree and its content."""

    path: str
    source: Source


def is_glob(name: str) -> bool:
    """Tell whether a name stands for many."""
    return not _GLOB.isdisjoint(name)


def find(tree: Tree, saltenv: str, sls: str) -> Found | None:
    """Return an SLS, None when there is none. Raises Conflict when two files have the name."""
    stem = sls.replace(".", "/")
    paths = [path for path in (f"{stem}.sls", f"{stem}/init.sls") if is_inside(path)]
    found = [Found(path, source) for path in paths if (source := tree.read(saltenv, path)) is not None]
    if len(found) > 1:
        raise Conflict(
            f"the SLS {sls} is in two files: {found[0].source.shown} and {found[1].source.shown}",
            hint="remove or rename one of them",
        )
    return found[0] if found else None


def available(tree: Tree, saltenv: str) -> list[str]:
    """Return the names of all SLS of an environment, sorted."""
    return sorted({name for path in tree.files(saltenv) if (name := name_of(path))})


def name_of(path: str) -> str:
    """Return the SLS that a file is, empty text for one that is none."""
    if not path.endswith(".sls"):
        return ""
    stem = path.removesuffix("/init.sls") if path.endswith("/init.sls") else path.removesuffix(".sls")
    return stem.replace("/", ".")


def expand(tree: Tree, saltenv: str, pattern: str) -> list[str]:
    """Return the SLS that a pattern means; a plain name means itself, whether it is there or not."""
    return matching(available(tree, saltenv), pattern) if is_glob(pattern) else [pattern]


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """Return the names that fit a glob."""
    return [name for name in names if fnmatch.fnmatchcase(name, pattern)]


def relative(include: str, sls: str, path: str) -> str | None:
    """Return the name that an include such as ``.config`` or ``..common`` means in an SLS.

    None when it leads out of the tree, or names nothing.
    """
    rest = include.lstrip(".")
    levels = len(include) - len(rest)
    if levels == 0:
        return include
    parts = sls.split(".")
    if path.endswith("/init.sls"):
        parts.append("init")
    if levels > len(parts) or not rest:
        return None
    return ".".join([*parts[:-levels], rest])
