"""The states ``git.config_set`` and ``git.config_unset``."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from saltern.library.git.config import Settings, checked, wanted
from saltern.sdk import BadArgument, Changes, Host, Moment, State


class _Setting(State, frozen=True, kw_only=True):
    """Whose settings: those of the repository at ``repo``, or with ``global`` those of ``user``."""

    repo: str | None = None
    user: str | None = None
    everywhere: bool = msgspec.field(name="global", default=False)

    def settings(self, host: Host) -> Settings:
        """Return the settings."""
        return Settings(host, self.repo, self.user, self.everywhere)


class ConfigSet(_Setting, frozen=True, kw_only=True):
    """Have a setting of git have ``value``, or all of ``multivar``, and no other.

    Example:
        - git.config_set: {name: user.email, value: app@example.com, global: true, user: app}
    """

    value: str | int | float | bool | None = None
    multivar: list[Any] | str | None = None

    def check(self, host: Host) -> Changes:
        """Return ``{key: {old, new}}``, lists of values."""
        checked(self.name)
        now, want = self.settings(host).values(self.name), wanted(self.value, self.multivar)
        return Changes({self.name: {"old": now or None, "new": want}} if now != want else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it."""
        self.settings(host).set(self.name, wanted(self.value, self.multivar))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        values = ", ".join(wanted(self.value, self.multivar))
        scope = "Global key" if self.everywhere else "Local key"
        return {
            Moment.CORRECT: f"{scope} '{self.name}' is already set to '{values}'",
            Moment.WOULD: f"{scope} '{self.name}' would be set to '{values}'",
            Moment.DONE: f"{scope} '{self.name}' set to '{values}'",
        }[moment]


class ConfigUnset(_Setting, frozen=True, kw_only=True):
    """Have settings of git not be there: the key ``name``, or those of its values that fit.

    ``name`` may be a regular expression. Several values of a key are only taken with ``all``.

    Example:
        - git.config_unset: {name: http.proxy, repo: /srv/app}
    """

    value_regex: str | None = None
    all: bool = False

    def check(self, host: Host) -> Changes:
        """Return ``{key: {old, new}}``. Raises BadArgument when not all of a key may go."""
        keys = self._found(host)
        several = [key for key, values in keys.items() if len(values) > 1]
        if several and not self.all:
            raise BadArgument(f"{several[0]} has several values", hint="- all: true")
        left = self.settings(host)
        return Changes(
            {key: {"old": values, "new": self._rest(left, key) or None} for key, values in keys.items()}
        )

    def _found(self, host: Host) -> dict[str, list[str]]:
        try:
            re.compile(self.name)
        except re.error as error:
            raise BadArgument(f"{self.name!r} is no regular expression: {error}") from None
        return self.settings(host).matching(f"^{self.name}$", self.value_regex)

    def _rest(self, settings: Settings, key: str) -> list[str]:
        """Return the values that stay."""
        if self.value_regex is None:
            return []
        gone = settings.values(key, self.value_regex)
        return [one for one in settings.values(key) if one not in gone]

    def apply(self, host: Host, changes: Changes) -> None:
        """Take them away."""
        settings = self.settings(host)
        for key in changes:
            settings.unset(key, self.value_regex)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"No matching keys are set for '{self.name}'",
            Moment.WOULD: f"{', '.join(changes)} would be unset",
            Moment.DONE: f"{', '.join(changes)} unset",
        }[moment]
