"""The states of versions that stay, and of groups."""

from __future__ import annotations

from saltern.library.pkg.choice import (
    Packages,
    Version,
    wishes,
)
from saltern.library.pkg.manager import Options, PackageManager, Wish, differences
from saltern.library.pkg.providers import manager as manager_of
from saltern.sdk import Action, Changes, Done, Host, Moment, NotFound, State


class Held(State, frozen=True, kw_only=True):
    """See that packages stay at the version they have. ``replace`` lets all others go.

    Example:
        - pkg.held: {pkgs: [linux-image-amd64]}
    """

    version: Version = None
    pkgs: Packages | None = None
    replace: bool = False

    def check(self, host: Host) -> Changes:
        """Return what would be held, or let go. Raises NotFound for what isn't installed."""
        manager = manager_of(host)
        wanted = [wish.name for wish in wishes(self.name, None, self.pkgs)]
        there, held = manager.installed(), manager.held()
        missing = [name for name in wanted if name not in there]
        if missing:
            raise NotFound(f"not installed, so it can't be held: {', '.join(missing)}")
        others = [name for name in held if name not in wanted] if self.replace else []
        return Changes(
            {name: {"old": "install", "new": "hold"} for name in wanted if name not in held}
            | {name: {"old": "hold", "new": ""} for name in others}
        )

    def apply(self, host: Host, changes: Changes) -> None:
        """Hold, and let go."""
        manager = manager_of(host)
        for act, word in ((manager.hold, "hold"), (manager.unhold, "")):
            names = [name for name, change in changes.items() if change["new"] == word]
            if names:
                act(names)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return how it is with each."""
        if moment is Moment.CORRECT:
            return "All specified packages are already held"
        verb = "would be" if moment is Moment.WOULD else "is now"
        return " ".join(
            f"Package {name} {verb} {'held' if one['new'] else 'unheld'}." for name, one in changes.items()
        )


class Unheld(State, frozen=True, kw_only=True):
    """See that packages are not held; with ``all`` that none is.

    Example:
        - pkg.unheld: {name: linux-image-amd64}
    """

    version: Version = None
    pkgs: Packages | None = None
    all: bool = False

    def check(self, host: Host) -> Changes:
        """Return what would be let go."""
        held = manager_of(host).held()
        wanted = held if self.all else [wish.name for wish in wishes(self.name, None, self.pkgs)]
        return Changes({name: {"old": "hold", "new": "install"} for name in wanted if name in held})

    def apply(self, host: Host, changes: Changes) -> None:
        """Let them go."""
        manager_of(host).unhold(sorted(changes))


class GroupInstalled(Action, frozen=True, kw_only=True):
    """Install a group of packages, as the distribution defines it: without ``skip``, with ``include``.

    Example:
        - pkg.group_installed: {name: Development Tools, skip: [gcc-gfortran]}
    """

    skip: list[str] | None = None
    include: list[str] | None = None

    def check(self, host: Host) -> Changes:
        """Return the packages that are missing. Raises NotFound, NotSupported."""
        manager = manager_of(host)
        missing = self._missing(manager)
        if not missing:
            return Changes()
        shown = {name: {"old": "", "new": "installed"} for name in missing}
        unknown = "the versions, and what else comes along, are known when it is done"
        return Changes(shown, unknown=unknown, comment=f"Group {self.name} would be installed")

    def apply(self, host: Host, changes: Changes) -> Done:
        """Install what is missing."""
        manager = manager_of(host)
        before = manager.installed()
        manager.install([Wish(name) for name in self._missing(manager)], Options())
        found = differences(before, manager.installed())
        return Done(changes=found, comment=f"Group {self.name} is installed")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return that there is nothing to do."""
        return f"Group '{self.name}' is already installed"

    def _missing(self, manager: PackageManager) -> list[str]:
        group = manager.groups(self.name)
        if group is None:
            raise NotFound(f"no repository has a group {self.name!r}", hint="pkg.group_list shows them")
        wanted = [*group.mandatory, *group.default, *(self.include or [])]
        there, skipped = manager.installed(), set(self.skip or [])
        return [name for name in dict.fromkeys(wanted) if name not in there and name not in skipped]
