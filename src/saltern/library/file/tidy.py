"""``file.tidied``, ``pruned`` and ``retention_schedule``: what has become too old, too large or empty."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from saltern.library.file import place
from saltern.sdk import BadArgument, Changes, Conflict, Host, Moment, Stat, State

_DAY = 86_400
_UNITS = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Tidied(State, frozen=True, kw_only=True):
    """Remove files below a directory that are old or large enough.

    ``age`` is days since ``time_comparison`` (``atime``, ``mtime``, ``ctime``), ``size`` bytes (or ``5k``,
    ``1m``, ``2g``). A file goes when both are reached, or either (``age_size_logical_operator: OR``), or the
    one that ``age_size_only`` names. ``matches`` and ``exclude`` are regular expressions about names (about
    paths with ``full_path_match``). ``rmdirs`` removes directories that are then empty, ``rmlinks`` links.
    Links are not followed.

    Example:
        - file.tidied: {name: /var/tmp/app, age: 7, matches: ['.*\\.log']}
    """

    age: int = 0
    matches: list[str] | None = None
    rmdirs: bool = False
    size: int | str = 0
    exclude: list[str] | None = None
    full_path_match: bool = False
    followlinks: bool = False
    time_comparison: Literal["atime", "mtime", "ctime"] = "atime"
    age_size_logical_operator: Literal["AND", "OR", "and", "or"] = "OR"
    age_size_only: Literal["age", "size"] | None = None
    rmlinks: bool = True

    def check(self, host: Host) -> Changes:
        """Return what would be removed. Raises Conflict unless it is a directory, BadArgument."""
        path = place.absolute(self.name)
        there = host.stat(path)
        if there is None or there.kind != "directory":
            raise Conflict(f"{self.name} does not exist or is not a directory.")
        if self.followlinks:
            raise BadArgument("followlinks: true is not served: a link could lead out of the directory")
        removed = list(self._removed(host, path))
        return Changes({"removed": removed}) if removed else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it: what lies deeper comes first."""
        for path in changes["removed"]:
            host.remove(path)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Nothing to remove from directory {self.name}",
            Moment.WOULD: f"{self.name} is set for tidy",
            Moment.DONE: f"Removed {len(changes.get('removed', ()))} files or directories from {self.name}",
        }[moment]

    def _removed(self, host: Host, folder: str) -> Iterator[str]:
        for name in host.list_directory(folder):
            path = f"{folder}/{name}"
            there = host.stat(path, follow=False)
            if there is None:
                continue
            if there.kind == "directory":
                below = list(self._removed(host, path))
                yield from below
                if self.rmdirs and self._named(path, name) and self._is_emptied(host, path, below):
                    yield path
            elif self._named(path, name) and self._is_due(host, there):
                yield path

    @staticmethod
    def _is_emptied(host: Host, path: str, removed: list[str]) -> bool:
        return all(f"{path}/{name}" in removed for name in host.list_directory(path))

    def _named(self, path: str, name: str) -> bool:
        shown = path if self.full_path_match else name
        wanted = self.matches is None or any(re.match(place.expression(one), shown) for one in self.matches)
        return wanted and not any(re.match(place.expression(one), shown) for one in self.exclude or ())

    def _is_due(self, host: Host, there: Stat) -> bool:
        if there.kind == "link" and not self.rmlinks:
            return False
        times = {"atime": there.accessed, "mtime": there.modified, "ctime": there.changed}
        old = (host.now() - times[self.time_comparison]) / _DAY >= self.age
        large = (0 if there.kind == "link" else there.size) >= _bytes(self.size)
        if self.age_size_only is not None:
            return old if self.age_size_only == "age" else large
        return (old and large) if self.age_size_logical_operator.upper() == "AND" else (old or large)


def _bytes(size: int | str) -> int:
    """Return a size in bytes. Raises BadArgument."""
    found = re.fullmatch(r"(\d+)\s*([bkmgt])?b?", str(size).strip().lower())
    if found is None:
        raise BadArgument(f"size = {size!r} is no size", hint="write bytes, or 5k, 1m, 2g")
    factor: int = 1024 ** _UNITS[found[2] or "b"]
    return int(found[1]) * factor


class Pruned(State, frozen=True, kw_only=True):
    """See that an empty directory is not there; with ``recurse``, that those below it that are empty are not.

    ``older_than`` (days) leaves younger ones. What is not empty stays, which is a failure unless
    ``ignore_errors``.

    Example:
        - file.pruned: {name: /srv/app/empty, recurse: true}
    """

    recurse: bool = False
    ignore_errors: bool = False
    older_than: int | None = None

    def check(self, host: Host) -> Changes:
        """Return what would be removed. Raises Conflict for what is no directory or is not empty."""
        path = place.absolute(self.name)
        there = host.stat(path, follow=False)
        if there is None:
            return Changes()
        if there.kind != "directory":
            raise Conflict(f"File {self.name} is not a directory")
        removed = list(self._empty(host, path))
        if path not in removed and not self.ignore_errors and self._is_old(host, there):
            raise Conflict(f"{self.name} is not empty", hint="file.absent removes it with what is in it")
        return Changes({"deleted": removed}) if removed else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them, the deepest first; the machine refuses one that has been filled meanwhile."""
        for path in changes["deleted"]:
            host.remove(path)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Directory {self.name} is not present or holds no empty one",
            Moment.WOULD: f"Directory {self.name} is set for removal",
            Moment.DONE: f"Removed directory {self.name}",
        }[moment]

    def _empty(self, host: Host, path: str) -> Iterator[str]:
        """Give the directories to remove, each after those below it."""
        left = False
        for name in host.list_directory(path):
            below = f"{path}/{name}"
            there = host.stat(below, follow=False)
            removed: list[str] = []
            if self.recurse and there is not None and there.kind == "directory":
                removed = list(self._empty(host, below))
                yield from removed
            left = left or below not in removed
        there = host.stat(path, follow=False)
        if not left and there is not None and self._is_old(host, there):
            yield path

    def _is_old(self, host: Host, there: Stat) -> bool:
        return self.older_than is None or (host.now() - there.modified) / _DAY > self.older_than


_PERIODS: Mapping[str, str] = {
    "first_of_hour": "%Y-%m-%d %H",
    "first_of_day": "%Y-%m-%d",
    "first_of_week": "%G-%V",
    "first_of_month": "%Y-%m",
    "first_of_year": "%Y",
}


class RetentionSchedule(State, frozen=True, kw_only=True):
    """Keep as many files of a directory as a schedule says, and remove the others.

    ``retain`` maps ``most_recent``, ``first_of_hour``, ``first_of_day``, ``first_of_week``,
    ``first_of_month`` and ``first_of_year`` to a number or ``all``. A file's time is read from its name by
    ``strptime_format``, else it is when it was last written; names that do not fit are left alone.

    Example:
        - file.retention_schedule: {name: /var/backups/db, retain: {most_recent: 5, first_of_month: 12}}
    """

    retain: dict[str, int | Literal["all"]]
    strptime_format: str | None = None
    timezone: str | None = None

    def check(self, host: Host) -> Changes:
        """Return what would be kept, removed and left alone. Raises Conflict, BadArgument."""
        path = place.absolute(self.name)
        there = host.stat(path)
        if there is None or there.kind != "directory":
            raise Conflict(f"Name provided to file.retention must be a directory: {self.name}")
        times = {
            name: self._time(name, host.stat(f"{path}/{name}", follow=False))
            for name in host.list_directory(path)
        }
        dated = {name: moment for name, moment in times.items() if moment is not None}
        kept = self._kept(dated)
        deleted = sorted(set(dated) - kept)
        if not deleted:
            return Changes()
        ignored = sorted(set(times) - set(dated))
        return Changes({"retained": sorted(kept), "deleted": deleted, "ignored": ignored})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove what is not kept."""
        for name in changes["deleted"]:
            path = f"{place.absolute(self.name)}/{name}"
            there = place.stat_of(host, path)
            (host.remove_tree if there.kind == "directory" else host.remove)(path)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        number = len(changes.get("deleted", ()))
        return {
            Moment.CORRECT: f"There is nothing to remove from {self.name}",
            Moment.WOULD: f"{number} backups would have been removed from {self.name}",
            Moment.DONE: f"{number} backups were removed from {self.name}",
        }[moment]

    def _time(self, name: str, there: Stat | None) -> datetime.datetime | None:
        if there is None:
            return None
        if self.strptime_format is None:
            return datetime.datetime.fromtimestamp(there.modified, datetime.UTC)
        try:
            return datetime.datetime.strptime(name, self.strptime_format)  # noqa: DTZ007  only compared
        except ValueError:
            return None

    def _kept(self, dated: Mapping[str, datetime.datetime]) -> set[str]:
        latest = sorted(dated, key=lambda name: dated[name], reverse=True)
        kept: set[str] = set()
        for rule, number in self.retain.items():
            chosen = latest if rule == "most_recent" else self._first_of(rule, dated)
            kept |= set(chosen if number == "all" else chosen[:number])
        return kept

    @staticmethod
    def _first_of(rule: str, dated: Mapping[str, datetime.datetime]) -> list[str]:
        """Return the earliest of each period, latest periods first. Raises BadArgument."""
        if rule not in _PERIODS:
            raise BadArgument(
                f"retain: no rule {rule!r}", hint=f"there are most_recent, {', '.join(_PERIODS)}"
            )
        first: dict[str, Any] = {}
        for name in sorted(dated, key=lambda name: dated[name]):
            first.setdefault(dated[name].strftime(_PERIODS[rule]), name)
        return list(first.values())[::-1]
