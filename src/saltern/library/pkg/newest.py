"""The states that want what is newest, or at hand: ``pkg.latest``, ``uptodate``, ``downloaded``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from saltern.library.pkg.choice import (
    LATEST,
    Rules,
    Version,
    behind,
    exact,
    wishes,
)
from saltern.library.pkg.lists import Installing
from saltern.library.pkg.manager import Differences, PackageManager, Wish, differences
from saltern.library.pkg.providers import manager as manager_of
from saltern.sdk import Changes, Done, Host, Moment, NotFound


class Latest(Installing, frozen=True, kw_only=True):
    """See that packages are installed in the newest version that the repositories have.

    Example:
        - pkg.latest: {pkgs: [openssl, ca-certificates]}
    """

    watch_flags: bool = True

    def check(self, host: Host) -> Changes:
        """Return what would be installed or upgraded. Raises NotFound for what no repository has."""
        manager = manager_of(host)
        old = self._old(manager)
        todo = self._todo(manager, lenient=bool(old))
        if not todo:
            return Changes({}, unknown=old, comment="What is newest is not known yet") if old else Changes()
        found = manager.simulate(todo, self._options()) or _plain(todo)
        names = ", ".join(wish.name for wish in todo)
        comment = f"The following packages are set to be installed/upgraded: {names}"
        return Changes(found, unknown=old, comment=comment)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Install what is missing or older."""
        manager = manager_of(host)
        self._fetch(manager)
        todo, before = self._todo(manager), manager.installed()
        if not todo:
            return Done(comment=self.says(changes, Moment.CORRECT))
        manager.install(todo, self._options())
        names = ", ".join(wish.name for wish in todo)
        return Done(
            changes=differences(before, manager.installed()),
            comment=f"The following packages were successfully installed/upgraded: {names}",
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        names = self._names()
        if len(names) == 1:
            return f"Package {names[0]} is already up-to-date"
        return f"The following packages are already up-to-date: {', '.join(names)}"

    def _names(self) -> list[str]:
        return [wish.name for wish in wishes(self.name, None, self.pkgs)]

    def _todo(self, manager: PackageManager, *, lenient: bool = False) -> list[Wish]:
        names = self._names()
        known, there = manager.available(names, self.fromrepo), manager.installed()
        missing = [name for name in names if name not in known and name not in there]
        if missing and not lenient:
            raise NotFound(
                f"no repository has a package {', '.join(missing)}", hint="is it another name here?"
            )
        return behind(names, there, known, manager)


class Uptodate(Installing, frozen=True, kw_only=True):
    """See that everything installed (or ``pkgs``) is at the newest version. ``dist_upgrade`` may also remove.

    Example:
        - pkg.uptodate: {name: all, refresh: true}
    """

    dist_upgrade: bool = False

    def check(self, host: Host) -> Changes:
        """Return what would be upgraded."""
        manager = manager_of(host)
        old, found = self._old(manager), self._upgrades(manager)
        if not (found or old):
            return Changes()
        return Changes(found, unknown=old, comment="System update will be performed")

    def apply(self, host: Host, changes: Changes) -> Done:
        """Upgrade."""
        manager = manager_of(host)
        self._fetch(manager)
        before, found = manager.installed(), self._upgrades(manager)
        if found and self.pkgs is not None:
            manager.install([Wish(name, change["new"]) for name, change in found.items()], self._options())
        elif found:
            manager.upgrade(dist_upgrade=self.dist_upgrade, options=self._options())
        comment = "Upgrade ran successfully" if found else "System is already up-to-date"
        return Done(changes=differences(before, manager.installed()), comment=comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "System is already up-to-date"

    def _upgrades(self, manager: PackageManager) -> Differences:
        found = manager.upgrades(dist_upgrade=self.dist_upgrade)
        wanted = None if self.pkgs is None else {wish.name for wish in wishes(self.name, None, self.pkgs)}
        return {name: change for name, change in found.items() if wanted is None or name in wanted}


class Downloaded(Installing, frozen=True, kw_only=True):
    """See that packages lie in the package manager's cache, to be installed without a network.

    Example:
        - pkg.downloaded: nginx
    """

    version: Version = None
    ignore_epoch: bool = False

    def check(self, host: Host) -> Changes:
        """Return what would be fetched. Raises NotFound."""
        manager = manager_of(host)
        there = manager.downloaded()
        missing = [wish for wish in self._wanted(manager) if wish.version not in there.get(wish.name, ())]
        return Changes({wish.name: {"old": "", "new": wish.version} for wish in missing})

    def apply(self, host: Host, changes: Changes) -> None:
        """Fetch them."""
        manager = manager_of(host)
        self._fetch(manager)
        manager.install(self._wanted(manager), self._options(download_only=True, reinstall=True))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        names = ", ".join(changes)
        return {
            Moment.CORRECT: "All packages are already downloaded",
            Moment.WOULD: f"The following packages would be downloaded: {names}",
            Moment.DONE: f"Successfully downloaded packages: {names}",
        }[moment]

    def _wanted(self, manager: PackageManager) -> list[Wish]:
        every = wishes(self.name, self.version, self.pkgs)
        newest = [msgspec.structs.replace(one, version=one.version or LATEST) for one in every]
        return exact(newest, manager, self.fromrepo, Rules(ignore_epoch=self.ignore_epoch))


def _plain(todo: Sequence[Wish]) -> Differences:
    return {wish.name: {"old": "", "new": wish.version or "installed"} for wish in todo}
