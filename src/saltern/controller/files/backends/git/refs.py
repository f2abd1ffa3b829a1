"""Which commit an environment is, of the branches and tags of a remote."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from saltern.controller.files.backends.git.settings import PerEnvironment, Remote, clean
from saltern.foundation.errors import Unavailable

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)


class Refs(NamedTuple):
    """Branches and tags with their commits, and the name of the default branch (empty: unknown)."""

    branches: Mapping[str, str]
    tags: Mapping[str, str]
    default: str


class Mount(NamedTuple):
    """A directory of a commit (empty: all of it), and where in the environment it is seen."""

    commit: str
    root: str
    mountpoint: str


class Environments:
    """The environments that one remote serves."""

    def __init__(self, remote: Remote, refs: Refs, contained: Callable[[str], str]) -> None:
        """Take the remote's options and refs.

        ``contained`` returns the full id of a commit (given 7 digits or more) that a branch or tag
        contains, else nothing.
        """
        self._remote = remote
        self._refs = refs
        self._contained = contained

    def names(self) -> Iterator[str]:
        """Give the names that can be listed. Raises Unavailable as ``mount`` does."""
        found = dict.fromkeys(self._remote.saltenv)
        if not self._remote.disable_saltenv_mapping:
            found["base"] = None
            found.update(dict.fromkeys(name for name in self._named() if name != self._base))
        yield from (name for name in found if self.mount(name) is not None)

    def mount(self, saltenv: str) -> Mount | None:
        """Return what an environment is here, None when it is nothing.

        Raises Unavailable for a ref that the options name and that is not there.
        """
        if not self._exposed(saltenv):
            return None
        own = self._remote.saltenv.get(saltenv, PerEnvironment())
        commit = self._commit(saltenv, own)
        if commit is None:
            return None
        root = self._remote.root if own.root is None else own.root
        mountpoint = self._remote.mountpoint if own.mountpoint is None else own.mountpoint
        return Mount(commit, clean(root), clean(mountpoint))

    @property
    def _base(self) -> str:
        return self._remote.base or self._refs.default

    def _named(self) -> Mapping[str, str]:
        """Return the refs that are environments, of the types that the options name."""
        types = self._remote.ref_types
        tags = self._refs.tags if "tag" in types else {}
        return {**tags, **(self._refs.branches if "branch" in types else {})}

    def _exposed(self, saltenv: str) -> bool:
        white, black = self._remote.saltenv_whitelist, self._remote.saltenv_blacklist
        return (not white or _fits(saltenv, white)) and not _fits(saltenv, black)

    def _commit(self, saltenv: str, own: PerEnvironment) -> str | None:
        declared = saltenv in self._remote.saltenv
        mapped = declared or not self._remote.disable_saltenv_mapping
        chosen = own.ref or self._remote.all_saltenvs
        if not chosen and saltenv == "base" and mapped:
            chosen = self._remote.base
        if chosen:
            return self._chosen(chosen)
        found = self._mapped(saltenv) if mapped else None
        if found is None and self._remote.fallback:
            chosen = self._remote.fallback
        elif found is None and declared:
            chosen = saltenv
        return self._chosen(chosen) if chosen else found

    def _mapped(self, saltenv: str) -> str | None:
        """Return the commit of the ref that an environment's name stands for."""
        if saltenv == self._base and saltenv != "base":
            return None
        name = self._base if saltenv == "base" else saltenv
        found = self._named().get(name)
        if found is None and "sha" in self._remote.ref_types and _COMMIT.fullmatch(name):
            found = self._contained(name) or None
        return found

    def _chosen(self, ref: str) -> str:
        """Return the commit of a ref that the options name."""
        found = self._refs.branches.get(ref) or self._refs.tags.get(ref)
        if found is None and _COMMIT.fullmatch(ref):
            found = self._contained(ref)
        if not found:
            raise Unavailable(f"{self._remote.url} has no branch, tag or commit {ref!r}")
        return found


def _fits(name: str, globs: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)
