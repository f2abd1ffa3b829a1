"""The states that want packages gone: ``pkg.removed``, ``pkg.purged``."""

from __future__ import annotations

from collections.abc import Sequence

from saltern.library.pkg.choice import (
    Packages,
    Rules,
    Version,
    is_there,
    wishes,
)
from saltern.library.pkg.manager import Differences, PackageManager, differences
from saltern.library.pkg.providers import manager as manager_of
from saltern.sdk import Changes, Done, Host, Moment, State


class _Removing(State, frozen=True, kw_only=True):
    """What ``removed`` and ``purged`` have in common."""

    version: Version = None
    pkgs: Packages | None = None
    normalize: bool = True
    ignore_epoch: bool = False

    def _there(self, manager: PackageManager) -> list[str]:
        """Return the packages named that are there, in the version that is to go."""
        there, rules = manager.installed(), Rules(ignore_epoch=self.ignore_epoch)
        wished = wishes(self.name, self.version, self.pkgs)
        return [wish.name for wish in wished if wish.name in there and is_there(wish, there, manager, rules)]


class Removed(_Removing, frozen=True, kw_only=True):
    """See that packages are not installed. With a version: not in that version.

    Example:
        - pkg.removed: {pkgs: [telnetd, rsh-server]}
    """

    def check(self, host: Host) -> Changes:
        """Return what would go, with what depends on it."""
        manager = manager_of(host)
        names = self._there(manager)
        if not names:
            return Changes()
        found = manager.simulate_removal(names, purge=False) or _gone(names, manager)
        return Changes(found, comment=f"The following packages will be removed: {', '.join(names)}.")

    def apply(self, host: Host, changes: Changes) -> Done:
        """Remove them."""
        manager = manager_of(host)
        before = manager.installed()
        manager.remove(self._there(manager), purge=False)
        return Done(
            changes=differences(before, manager.installed()), comment="All targeted packages were removed."
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "All specified packages are already absent"


class Purged(_Removing, frozen=True, kw_only=True):
    """See that packages are not installed, nor their configuration left.

    Example:
        - pkg.purged: apache2
    """

    def check(self, host: Host) -> Changes:
        """Return what would go, and whose configuration would."""
        manager = manager_of(host)
        names, left = self._there(manager), self._left(manager)
        if not (names or left):
            return Changes()
        gone = (manager.simulate_removal(names, purge=True) or _gone(names, manager)) if names else {}
        shown = {"installed": gone, "removed": {name: {"old": old, "new": ""} for name, old in left.items()}}
        words = ", ".join([*names, *left])
        return Changes(shown, comment=f"The following packages will be purged: {words}.")

    def apply(self, host: Host, changes: Changes) -> Done:
        """Purge them."""
        manager = manager_of(host)
        before, left = manager.installed(), manager.leftovers()
        manager.remove([*self._there(manager), *self._left(manager)], purge=True)
        after = manager.leftovers()
        shown = {
            "installed": differences(before, manager.installed()),
            "removed": {name: {"old": old, "new": ""} for name, old in left.items() if name not in after},
        }
        return Done(changes=shown, comment="All targeted packages were purged.")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "All specified packages are already absent"

    def _left(self, manager: PackageManager) -> dict[str, str]:
        left = manager.leftovers()
        names = [wish.name for wish in wishes(self.name, None, self.pkgs)]
        return {name: left[name] for name in names if name in left}


def _gone(names: Sequence[str], manager: PackageManager) -> Differences:
    there = manager.installed()
    return {name: {"old": ",".join(there[name]), "new": ""} for name in names}
