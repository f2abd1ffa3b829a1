"""What states that install have in common: fresh lists, and how a transaction is done."""

from __future__ import annotations

import math
from typing import Any

from saltern.library.pkg.choice import (
    Packages,
)
from saltern.library.pkg.manager import Options, PackageManager
from saltern.sdk import State

#: Seconds that package lists are good for, when nothing is said of it.
_GOOD_FOR = 3600.0
#: Seconds in which ``refresh: True`` does not fetch them again: another state of this run has.
_JUST_NOW = 60.0


class Refreshing(State, frozen=True, kw_only=True):
    """States that need the lists of available packages.

    ``refresh`` fetches them first: True always, False never, None when they are older than an hour, or than
    the list of repositories. ``cache_valid_time`` is how many seconds they are good for.
    """

    refresh: bool | None = None
    cache_valid_time: int = 0

    def _due(self, manager: PackageManager) -> bool:
        if self.refresh is False:
            return False
        age = manager.stale()
        return age > (self.cache_valid_time or (_JUST_NOW if self.refresh else _GOOD_FOR))

    def _fetch(self, manager: PackageManager) -> None:
        if self._due(manager):
            manager.refresh()

    def _old(self, manager: PackageManager) -> str:
        """Return why what is in the lists may not hold; nothing when they are new enough."""
        if not self._due(manager):
            return ""
        age = manager.stale()
        said = "are older than the repositories" if math.isinf(age) else f"are {age / 3600:.0f} h old"
        return f"the package lists {said}, and are fetched first"


class Installing(Refreshing, frozen=True, kw_only=True):
    """What the states that install have in common."""

    pkgs: Packages | None = None
    fromrepo: str = ""
    skip_verify: bool = False
    skip_suggestions: bool = False
    install_recommends: bool = True
    update_holds: bool = False
    resolve_capabilities: bool = False
    normalize: bool = True
    force_conf_new: bool = False
    force_yes: bool = False
    enablerepo: str = ""
    disablerepo: str = ""
    setopt: str | list[str] | None = None

    def _options(self, **more: Any) -> Options:
        given = self.setopt or []
        return Options(
            fromrepo=self.fromrepo,
            skip_verify=self.skip_verify or self.force_yes,
            recommends=self.install_recommends,
            update_holds=self.update_holds,
            new_configuration=self.force_conf_new,
            enablerepo=self.enablerepo,
            disablerepo=self.disablerepo,
            setopt=tuple(given.split(",") if isinstance(given, str) else given),
            **more,
        )
