"""PostgreSQL's procedural languages, in a database."""

from __future__ import annotations

from saltern.library.postgres import contents
from saltern.library.postgres.connection import do, unavailable
from saltern.library.postgres.quoting import identifier
from saltern.library.postgres.state import Reaching, seen
from saltern.sdk import Changes, Host, Moment

__all__ = ["Absent", "Present", "unavailable"]


class _Language(Reaching, frozen=True, kw_only=True):
    """``maintenance_db`` is the database that has the language."""

    maintenance_db: str

    @property
    def database(self) -> str | None:
        """The database to connect to."""
        return self.maintenance_db

    def _is_there(self, host: Host) -> bool:
        identifier(self.name, "language")
        return self.name in (seen(lambda: contents.languages(host, self.access, self.maintenance_db)) or [])


class Present(_Language, frozen=True, kw_only=True):
    """Keep a language in a database.

    Example:
        - postgres_language.present: {name: plperl, maintenance_db: app}
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to be installed."""
        return Changes() if self._is_there(host) else Changes({self.name: "Present"})

    def apply(self, host: Host, changes: Changes) -> None:
        """Install it. Raises CommandFailed."""
        do(host, self.access, f"CREATE LANGUAGE {identifier(self.name, 'language')}", self.maintenance_db)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Language {self.name} is already installed",
            Moment.WOULD: f"Language {self.name} is set to be installed",
            Moment.DONE: f"Language {self.name} has been installed",
        }[moment]


class Absent(_Language, frozen=True, kw_only=True):
    """See that a database has no such language.

    Example:
        - postgres_language.absent: {name: plperl, maintenance_db: app}
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        return Changes({self.name: "Absent"}) if self._is_there(host) else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        contents.drop_language(host, self.access, self.name, self.maintenance_db)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Language {self.name} is not present so it cannot be removed",
            Moment.WOULD: f"Language {self.name} is set to be removed",
            Moment.DONE: f"Language {self.name} has been removed",
        }[moment]
