"""Entries and variables of crontabs kept there or away, and whole crontabs."""

from __future__ import annotations

import random
from typing import Any

from saltern.library.cron.installed import install, installed, read
from saltern.library.cron.tab import FIELDS, RANGES, Entry, entry, variable
from saltern.library.file import origin, place
from saltern.sdk import Changes, Conflict, Done, Host, Moment, State

#: Asks for any value, chosen once.
_RANDOM = "random"


class Present(State, frozen=True, kw_only=True):
    """Keep a command in a crontab; ``name`` is the command.

    ``minute``, ``hour``, ``daymonth``, ``month`` and ``dayweek`` say when, or ``special`` (``@reboot``);
    ``random`` chooses a value once. ``identifier`` lets the command itself be changed later: without one it
    goes by its command. ``commented: true`` keeps it without running it.

    Example:
        - cron.present: {name: /usr/bin/backup, identifier: backup, user: root, minute: 30, hour: 2}
    """

    user: str = "root"
    minute: str = "*"
    hour: str = "*"
    daymonth: str = "*"
    month: str = "*"
    dayweek: str = "*"
    comment: str | None = None
    commented: bool = False
    identifier: str | bool | None = False
    special: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be added, or brought up to date."""
        tab = read(host, self.user)
        old = tab.find(self.name.strip(), self._identifier())
        wanted = self._wanted(old)
        if old == wanted:
            return Changes()
        how = "updated" if old else "added"
        would = f"Cron {self.name} is set to be {how}"
        return Changes({self.user: self.name}, mend=(old, wanted), comment=would)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Write it. Raises CommandFailed with what cron has against it."""
        old, wanted = changes.mend
        install(host, self.user, read(host, self.user).with_entry(old, wanted).text())
        how = "updated" if old else f"added to {self.user}'s crontab"
        return Done(changes=dict(changes), comment=f"Cron {self.name} {how}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Cron {self.name} already present"

    def _identifier(self) -> str:
        return self.identifier if isinstance(self.identifier, str) and self.identifier else self.name.strip()

    def _wanted(self, old: Entry | None) -> Entry:
        now = dict(zip(FIELDS, old.when, strict=True)) if old and not old.special else {}
        when = tuple("*" if self.special else self._at(field, now.get(field, "")) for field in FIELDS)
        return entry(
            self.name, when, self.special or "", self._identifier(), self.comment or "", self.commented
        )

    def _at(self, field: str, now: str) -> str:
        """Return when, of one field: what ``random`` has chosen before stays."""
        wanted: str = getattr(self, field)
        if wanted != _RANDOM:
            return wanted
        low, high = RANGES[field]
        if now.isdigit() and low <= int(now) <= high:
            return now
        return str(random.randint(low, high))  # noqa: S311  not a secret


class Absent(State, frozen=True, kw_only=True):
    """See that a command is not in a crontab: by its identifier, or by itself.

    When it would run doesn't matter.

    Example:
        - cron.absent: {name: /usr/bin/backup, identifier: backup}
    """

    user: str = "root"
    identifier: str | bool | None = False
    special: str | None = None
    minute: str | None = None
    hour: str | None = None
    daymonth: str | None = None
    month: str | None = None
    dayweek: str | None = None
    comment: str | None = None
    commented: bool | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        identifier = self.identifier if isinstance(self.identifier, str) else ""
        entries = read(host, self.user).entries
        meant = [
            one for one in entries if one.is_meant_by(self.name.strip(), identifier or self.name.strip())
        ]
        return Changes({self.user: self.name} if meant else {}, mend=meant)

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it out. Raises CommandFailed."""
        left = read(host, self.user)
        for one in changes.mend:
            left = left.with_entry(one, None)
        install(host, self.user, left.text())

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Cron {self.name} already absent",
            Moment.WOULD: f"Cron {self.name} is set to be removed",
            Moment.DONE: f"Cron {self.name} removed from {self.user}'s crontab",
        }[moment]


class EnvPresent(State, frozen=True, kw_only=True):
    """Keep a variable in a crontab.

    Example:
        - cron.env_present: {name: MAILTO, value: ops@example.com}
    """

    value: str = ""
    user: str = "root"

    def check(self, host: Host) -> Changes:
        """Return that it has to be set."""
        now = dict(read(host, self.user).variables).get(self.name)
        if now == variable(self.name, self.value):
            return Changes()
        how = "added" if now is None else "updated"
        would = f"Cron env {self.name} is set to be {how}"
        return Changes({self.user: self.name}, mend=now is None, comment=would)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Set it. Raises CommandFailed."""
        install(host, self.user, read(host, self.user).with_variable(self.name, self.value).text())
        how = f"added to {self.user}'s crontab" if changes.mend else "updated"
        return Done(changes=dict(changes), comment=f"Cron env {self.name} {how}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Cron env {self.name} already present"


class EnvAbsent(State, frozen=True, kw_only=True):
    """See that a variable is not in a crontab.

    Example:
        - cron.env_absent: MAILTO
    """

    user: str = "root"

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        there = self.name in dict(read(host, self.user).variables)
        return Changes({self.user: self.name} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it out. Raises CommandFailed."""
        install(host, self.user, read(host, self.user).with_variable(self.name, None).text())

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Cron env {self.name} already absent",
            Moment.WOULD: f"Cron env {self.name} is set to be removed",
            Moment.DONE: f"Cron env {self.name} removed from {self.user}'s crontab",
        }[moment]


class File(State, frozen=True, kw_only=True):
    """Keep an account's whole crontab as a file has it; ``name`` is the file's address.

    ``template``, ``defaults`` and ``context`` render it first. ``replace: false`` leaves a crontab that is
    there alone.

    Example:
        - cron.file: {name: 'salt://crontab', user: app}
    """

    user: str = "root"
    source_hash: str = ""
    source_hash_name: str | None = None
    template: str | None = None
    defaults: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    replace: bool = True

    def check(self, host: Host) -> Changes:
        """Return what would be changed as ``diff``. Raises NotFound, and what rendering raises."""
        now, wanted = installed(host, self.user).encode(), self._wanted(host)
        if now == wanted or (now and not self.replace):
            return Changes()
        diff = place.difference(now, wanted, "")
        return Changes(
            {"diff": diff}, mend=wanted, comment=f"The following values are set to be changed:\ndiff: {diff}"
        )

    def apply(self, host: Host, changes: Changes) -> None:
        """Replace it. Raises CommandFailed."""
        install(host, self.user, changes.mend.decode())

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        how = "is in the correct state" if moment is Moment.CORRECT else "was updated"
        return f"Crontab for user {self.user} {how}"

    def _wanted(self, host: Host) -> bytes:
        how = origin.Fetching(
            name=self.name, source_hash=self.source_hash, source_hash_name=self.source_hash_name
        )
        url, data = origin.first(host, self.name, how)
        if self.template is not None:
            data = place.rendered(host, data, self.template, url, self.defaults, self.context)
        try:
            data.decode()
        except UnicodeDecodeError:
            raise Conflict(f"{url}: a crontab is text, and this is not UTF-8") from None
        return data if data.endswith(b"\n") or not data else data + b"\n"
