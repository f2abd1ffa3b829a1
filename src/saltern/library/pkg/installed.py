"""The state ``pkg.installed``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.library.pkg.choice import (
    LATEST,
    Packages,
    Rules,
    Version,
    behind,
    exact,
    is_there,
    number_warnings,
    wishes,
)
from saltern.library.pkg.fetch import fetched, sources
from saltern.library.pkg.lists import Installing
from saltern.library.pkg.manager import PackageManager, Wish, differences
from saltern.library.pkg.providers import manager as manager_of
from saltern.sdk import Changes, Done, Host, Moment, NotFound, SalternError, State

#: Where packages that are files are laid before they are installed.
_DROP = "/var/cache/saltern/packages"


class Installed(Installing, frozen=True, kw_only=True):
    """See that packages are installed: ``name``, or all of ``pkgs``, or the files in ``sources``.

    A version may be exact, a glob (``'1.22.*'``), comparisons (``'>=1.2,<2'``) or ``latest``. All that is
    missing is installed in one transaction. ``hold`` keeps it at its version from then on.

    Example:
        - pkg.installed: {pkgs: [curl, {nginx: '>=1.22'}]}
    """

    version: Version = None
    sources: list[dict[str, str]] | None = None
    allow_updates: bool = False
    pkg_verify: bool | list[Any] = False
    ignore_epoch: bool = False
    reinstall: bool = False
    hold: bool | None = None
    only_upgrade: bool = False

    @property
    def LOOKS_AGAIN(self) -> bool:  # type: ignore[override]
        """What is always installed again is never found to be done."""
        return not self.reinstall

    def check(self, host: Host) -> Changes:
        """Return what would be installed, what comes along, and what would be held. Raises NotFound."""
        manager = manager_of(host)
        todo, broken = self._todo(manager), self._broken(manager)
        held = self._holding(manager)
        if not (todo or broken or held):
            return Changes()
        warnings = number_warnings(self.version, self.pkgs)
        names = ", ".join(sorted({wish.name for wish in (*todo, *broken)}))
        said = f"The following packages would be installed/updated: {names}" if names else ""
        old = self._old(manager) if todo else ""
        found, unknown = self._foreseen(todo, manager, old)
        again = {wish.name: _again(wish, manager) for wish in broken}
        shown: dict[str, Any] = {**again, **held, **found}
        return Changes(shown, unknown=unknown, comment=said or _held_words(held), warnings=warnings)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Install what is missing, all at once, and hold it."""
        manager = manager_of(host)
        if self._todo(manager):
            self._fetch(manager)
        before = manager.installed()
        todo, broken = self._todo(manager), self._broken(manager)
        for wished, again in ((todo, self.reinstall), (broken, True)):
            if wished:
                options = self._options(reinstall=again, only_upgrade=self.only_upgrade)
                with fetched(
                    host, exact(wished, manager, self.fromrepo, self._rules(manager)), _DROP
                ) as ready:
                    manager.install(ready, options)
        held = self._hold(manager)
        found: dict[str, Any] = {**held, **differences(before, manager.installed())}
        if self.reinstall or broken:
            found = {wish.name: _again(wish, manager) for wish in (*todo, *broken)} | found
        names = sorted({wish.name for wish in (*todo, *broken)})
        said = f"The following packages were installed/updated: {', '.join(names)}" if names else ""
        return Done(changes=found, comment=" ".join(filter(None, (said, _held_words(held)))))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        exactly = " and are at the desired version" if self.version or self.pkgs else ""
        return f"All specified packages are already installed{exactly}"

    def with_others(self, others: Sequence[State]) -> State:
        """Return this state with the packages of those that are asked for in the same way."""
        same = [one for one in others if isinstance(one, Installed) and self._alike(one)]
        if self.sources is not None or not same:
            return self
        every = [wish for one in (self, *same) for wish in one._wishes()]
        names = dict.fromkeys(every)
        packages: Packages = [{wish.name: wish.version} if wish.version else wish.name for wish in names]
        return msgspec.structs.replace(self, pkgs=packages, version=None)

    def _alike(self, other: Installed) -> bool:
        own = {"name", "pkgs", "version"}
        names = [name for name in self.__struct_fields__ if name not in own]
        return all(getattr(self, name) == getattr(other, name) for name in names)

    # --- what is wished -------------------------------------------------------------------------------

    def _wishes(self) -> list[Wish]:
        if self.sources is not None:
            return sources(self.sources)
        return wishes(self.name, self.version, self.pkgs)

    def _rules(self, manager: PackageManager) -> Rules:
        return Rules(
            allow_updates=self.allow_updates, ignore_epoch=self.ignore_epoch, provided=manager.provided()
        )

    def _todo(self, manager: PackageManager) -> list[Wish]:
        every = self._wishes()
        if self.reinstall:
            return every
        there, rules = manager.installed(), self._rules(manager)
        newest = [wish for wish in every if wish.version == LATEST]
        known = manager.available([wish.name for wish in newest], self.fromrepo) if newest else {}
        late = {wish.name for wish in behind([one.name for one in newest], there, known, manager)}
        return [wish for wish in every if wish.name in late or not is_there(wish, there, manager, rules)]

    def _broken(self, manager: PackageManager) -> list[Wish]:
        """Return the packages whose files are not as they were installed."""
        if not self.pkg_verify:
            return []
        there = manager.installed()
        wrong = manager.wrong([wish.name for wish in self._wishes() if wish.name in there])
        return [Wish(name) for name in sorted(wrong)]

    def _foreseen(self, todo: list[Wish], manager: PackageManager, old: str) -> tuple[dict[str, Any], str]:
        """Return what would change, and why that isn't sure."""
        plain = {wish.name: {"old": "", "new": wish.version or "installed"} for wish in todo}
        if not todo:
            return {}, ""
        for wish in todo:
            if wish.file.startswith("/") and not manager.host.exists(wish.file):
                raise NotFound(f"{wish.file}: no such file on this host")
        try:
            chosen = exact(todo, manager, self.fromrepo, self._rules(manager))
            found = manager.simulate(chosen, self._options(reinstall=self.reinstall))
        except SalternError:
            if not old:
                raise
            return plain, old  # what is not in the old lists may be in the new ones
        unknown = "" if found is not None else "what else comes along is known when it is installed"
        return (plain if found is None else found), old or unknown

    # --- holding ----------------------------------------------------------------------------------------

    def _holding(self, manager: PackageManager) -> dict[str, Any]:
        if self.hold is None:
            return {}
        held = set(manager.held())
        words = {"old": "install", "new": "hold"} if self.hold else {"old": "hold", "new": "install"}
        return {wish.name: words for wish in self._wishes() if (wish.name in held) is not self.hold}

    def _hold(self, manager: PackageManager) -> dict[str, Any]:
        changing = self._holding(manager)
        if changing:
            (manager.hold if self.hold else manager.unhold)(sorted(changing))
        return changing


def _again(wish: Wish, manager: PackageManager) -> dict[str, str]:
    """Return the change of a package that is installed once more."""
    version = ",".join(manager.installed().get(wish.name, ()))
    return {"old": version, "new": version}


def _held_words(held: Mapping[str, Mapping[str, str]]) -> str:
    return " ".join(
        f"Package {name} is {'now' if entry['new'] == 'hold' else 'no longer'} being held."
        for name, entry in held.items()
    )
