"""``file.recurse``: a directory of the file roots, laid down on this machine."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.library.file import place
from saltern.library.file.managed import Managed
from saltern.library.file.simple import Symlink
from saltern.sdk import BadArgument, Changes, Conflict, Done, Host, Moment, NotFound, State

Pattern = str | list[str] | None


class Recurse(State, frozen=True, kw_only=True):
    """Keep the files of a directory of the file roots in a directory here.

    ``include_pat`` and ``exclude_pat`` are globs about names and paths, or regular expressions after ``E@``.
    ``clean`` removes what is not among the files. ``template`` renders each file. ``file_mode: keep`` takes
    the modes of the file roots. ``include_empty`` makes empty directories too, ``keep_symlinks`` makes links
    where there are some. ``source`` may be a list: the first there is, or with ``merge`` all, the first wins.
    ``require`` is filled in by the engine: what is required is not cleaned away.

    Example:
        - file.recurse: {name: /etc/app.d, source: 'salt://app/conf', file_mode: '0644'}
    """

    source: str | list[str]
    keep_source: bool = True
    clean: bool = False
    user: place.Account = None
    group: place.Account = None
    dir_mode: place.Mode = None
    file_mode: place.Mode = None
    sym_mode: place.Mode = None
    template: str | None = None
    context: dict[str, Any] | None = None
    defaults: dict[str, Any] | None = None
    replace: bool = True
    include_empty: bool = False
    backup: str | bool = ""
    include_pat: Pattern = None
    exclude_pat: Pattern = None
    maxdepth: int | None = None
    keep_symlinks: bool = False
    force_symlinks: bool = False
    merge: bool = False
    show_changes: bool = True
    makedirs: bool = True
    require: tuple[str, ...] = ()

    def check(self, host: Host) -> Changes:
        """Return what differs, by path. Raises NotFound for a source that isn't there, Conflict."""
        path = place.absolute(self.name)
        there = host.stat(path)
        if there is not None and there.kind != "directory":
            raise Conflict(f"The path {self.name} exists and is not a directory")
        found: dict[str, Any] = {}
        mend: list[tuple[State, Changes]] = []
        wanted = self._wanted(host, path)
        for one in wanted.values():
            changes = one.check(host)
            if changes:
                found[one.name] = dict(changes)
                mend.append((one, changes))
        kept = place.Kept(set(wanted), set(self.require), self.exclude_pat)
        removed = list(kept.others(host, path)) if self.clean and there is not None else []
        if removed:
            found["removed"] = removed
        return Changes(found, mend=mend)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Make directories, files and links, and remove what is to be."""
        shown: dict[str, Any] = {}
        for path in changes.get("removed", ()):
            there = place.stat_of(host, path)
            (host.remove_tree if there.kind == "directory" else host.remove)(path)
        for one, found in changes.mend:
            done = one.apply(host, found)
            shown[one.name] = dict(found if done is None else done.changes)
        removed = {"removed": changes["removed"]} if "removed" in changes else {}
        return Done(changes={**shown, **removed}, comment=self.says(changes, Moment.DONE))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"The directory {self.name} is in the correct state",
            Moment.WOULD: f"The directory {self.name} is set to be changed: {', '.join(changes)}",
            Moment.DONE: f"Recursively updated {self.name}",
        }[moment]

    # --- what is wanted ---------------------------------------------------------------------------------

    def _wanted(self, host: Host, path: str) -> dict[str, State]:
        """Return the states of all that is to be there, by path, directories before what is in them."""
        from saltern.library.file.directory import Directory

        files: dict[str, State] = {}
        folders = {path}
        for url, relative in self._files(host).items():
            target = f"{path}/{relative}"
            files[target] = self._made(url, target)
            folders |= set(_above(target, path))
        for relative, target in self._links(host).items():
            files[f"{path}/{relative}"] = self._link(f"{path}/{relative}", target)
            folders |= set(_above(f"{path}/{relative}", path))
        for relative in self._empty(host):
            folders |= {f"{path}/{relative}", *_above(f"{path}/{relative}", path)}
        owner: Mapping[str, Any] = {"user": self.user, "group": self.group}
        made: dict[str, State] = {
            folder: Directory(name=folder, mode=self.dir_mode, makedirs=self.makedirs, **owner)
            for folder in sorted(folders)
        }
        return made | files

    def _made(self, url: str, target: str) -> Managed:
        return Managed(
            name=target,
            source=url,
            user=self.user,
            group=self.group,
            mode=self.file_mode,
            template=self.template,
            context=self.context,
            defaults=self.defaults,
            replace=self.replace,
            backup=self.backup,
            show_changes=self.show_changes,
        )

    def _link(self, path: str, target: str) -> Symlink:
        return Symlink(name=path, target=target, user=self.user, group=self.group, force=self.force_symlinks)

    def _files(self, host: Host) -> dict[str, str]:
        """Return the files' addresses with their paths below the source. Raises NotFound."""
        found: dict[str, str] = {}
        for prefix, query in self._sources(host):
            for file in host.supply.files(prefix, query or None):
                relative = _below(file, prefix)
                if self._is_wanted(relative) and relative not in found.values():
                    found[f"salt://{file}" + (f"?saltenv={query}" if query else "")] = relative
        if self.keep_symlinks:
            links = self._links(host)
            return {url: relative for url, relative in found.items() if relative not in links}
        return found

    def _links(self, host: Host) -> dict[str, str]:
        if not self.keep_symlinks:
            return {}
        return {
            relative: target
            for prefix, query in self._sources(host)
            for link, target in host.supply.links(prefix, query or None).items()
            if self._is_wanted(relative := _below(link, prefix))
        }

    def _empty(self, host: Host) -> Iterator[str]:
        if self.include_empty:
            for prefix, query in self._sources(host):
                for folder in host.supply.directories(prefix, query or None):
                    relative = _below(folder, prefix)
                    if relative and self._is_wanted(relative):
                        yield relative

    def _sources(self, host: Host) -> list[tuple[str, str]]:
        """Return the sources there are: directory and environment. Raises NotFound, BadArgument."""
        every = [self.source] if isinstance(self.source, str) else self.source
        named = [_split(url) for url in every]
        there = [one for one in named if self._holds_anything(host, *one)]
        if not there:
            raise NotFound(f"Recurse failed: none of the specified sources were found: {', '.join(every)}")
        return there if self.merge else there[:1]

    @staticmethod
    def _holds_anything(host: Host, prefix: str, saltenv: str) -> bool:
        supply = host.supply
        return bool(supply.files(prefix, saltenv or None) or supply.directories(prefix, saltenv or None))

    def _is_wanted(self, relative: str) -> bool:
        if self.maxdepth is not None and relative.count("/") > self.maxdepth:
            return False
        included = not self.include_pat or _matches(self.include_pat, relative)
        return included and not _matches(self.exclude_pat, relative)


def _split(url: str) -> tuple[str, str]:
    """Return directory and environment that an address names."""
    if not url.startswith("salt://"):
        raise BadArgument(f"Invalid source {url!r} (must be a salt:// URI)")
    path, _, query = url.removeprefix("salt://").partition("?")
    return path.strip("/"), query.removeprefix("saltenv=") if query.startswith("saltenv=") else ""


def _below(path: str, prefix: str) -> str:
    return path.removeprefix(f"{prefix}/") if prefix else path


def _matches(patterns: Pattern, path: str) -> bool:
    """Tell whether a path fits one of some globs (or regular expressions after ``E@``)."""
    every = [patterns] if isinstance(patterns, str) else patterns or []
    return any(place.matches(one, path) for one in every)


def _above(path: str, top: str) -> Iterator[str]:
    """Give the directories between ``top`` and a path below it."""
    folder = posixpath.dirname(path)
    while len(folder) > len(top):
        yield folder
        folder = posixpath.dirname(folder)
