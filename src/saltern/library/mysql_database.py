"""Databases of MySQL and MariaDB: there or not."""

from __future__ import annotations

from saltern.library.mysql import databases
from saltern.library.mysql.connection import do, unavailable
from saltern.library.mysql.quoting import identifier
from saltern.library.mysql.state import Reaching
from saltern.sdk import Changes, Host, Moment

__all__ = ["Absent", "Present", "unavailable"]


class Present(Reaching, frozen=True, kw_only=True):
    """Keep a database, and what its new tables keep text as if that is given.

    Example:
        - mysql_database.present: {name: app, character_set: utf8mb4, collate: utf8mb4_bin}
    """

    character_set: str | None = None
    collate: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, or what is otherwise."""
        identifier(self.name, "database")
        there = databases.found(host, self.access, self.name)
        if not there:
            return Changes({self.name: "Present"})
        wanted = {"character_set": self.character_set, "collate": self.collate}
        return Changes.between(there, {name: value for name, value in wanted.items() if value is not None})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, or alter it. Raises CommandFailed."""
        verb = "CREATE" if self.name in changes else "ALTER"
        kept = databases.charset(self.character_set, self.collate)
        do(host, self.access, f"{verb} DATABASE {identifier(self.name)}{kept}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        new = self.name in changes
        return {
            Moment.CORRECT: f"Database {self.name} is already present",
            Moment.WOULD: f"Database {self.name} is not present and needs to be created"
            if new
            else f"Database {self.name} is going to be updated",
            Moment.DONE: f"The database {self.name} has been {'created' if new else 'updated'}",
        }[moment]


class Absent(Reaching, frozen=True, kw_only=True):
    """See that there is no such database: it goes with all it holds.

    Example:
        - mysql_database.absent: old
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        identifier(self.name, "database")
        return Changes({self.name: "Absent"} if databases.found(host, self.access, self.name) else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        do(host, self.access, f"DROP DATABASE {identifier(self.name)}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Database {self.name} is not present, so it cannot be removed",
            Moment.WOULD: f"Database {self.name} is present and needs to be removed",
            Moment.DONE: f"Database {self.name} has been removed",
        }[moment]
