"""PostgreSQL's databases: there, with their owner, or not there."""

from __future__ import annotations

from saltern.library.postgres import databases
from saltern.library.postgres.connection import do, unavailable
from saltern.library.postgres.quoting import identifier
from saltern.library.postgres.state import InDatabase, said_of_absent
from saltern.sdk import Changes, Conflict, Host, Moment

__all__ = ["Absent", "Present", "unavailable"]


class Present(InDatabase, frozen=True, kw_only=True):
    """Keep a database, its owner and its tablespace.

    Encoding and locales are fixed when it is made: a database with others is an error. With
    ``owner_recurse`` a new owner gets what is in it too.

    Example:
        - postgres_database.present: {name: app, owner: app, encoding: UTF8}
    """

    tablespace: str | None = None
    encoding: str | None = None
    lc_collate: str | None = None
    lc_ctype: str | None = None
    owner: str | None = None
    owner_recurse: bool = False
    template: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made or altered. Raises Conflict for what can't be altered."""
        identifier(self.name, "database")
        there = databases.databases(host, self.access).get(self.name)
        if there is None:
            return Changes({self.name: "Present"})
        self._refuse_what_is_fixed(there)
        differs = any(
            wanted is not None and wanted != there[kind]
            for wanted, kind in ((self.owner, "Owner"), (self.tablespace, "Tablespace"))
        )
        return Changes({self.name: "Parameters changed"}) if differs else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, or alter it. Raises CommandFailed."""
        how = {name: getattr(self.access, name) for name in self.access.__struct_fields__}
        if changes[self.name] != "Present":
            how |= {"tablespace": self.tablespace, "owner": self.owner, "owner_recurse": self.owner_recurse}
            databases.db_alter(host, self.name, **how)
            return
        wanted = {
            name: getattr(self, name) for name in databases.NewDatabase.__struct_fields__ if name not in how
        }
        databases.db_create(host, self.name, **how, **wanted)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        new = changes.get(self.name) == "Present"
        return {
            Moment.CORRECT: f"Database {self.name} is already present",
            Moment.WOULD: f"Database {self.name} is set to be created"
            if new
            else f"Database {self.name} exists, but parameters need to be changed",
            Moment.DONE: f"The database {self.name} has been created"
            if new
            else f"Parameters for database {self.name} have been changed",
        }[moment]

    def _refuse_what_is_fixed(self, there: dict[str, str]) -> None:
        fixed = {"Encoding": self.encoding, "Collate": self.lc_collate, "Ctype": self.lc_ctype}
        for kind, wanted in fixed.items():
            if wanted is not None and _plain(wanted) != _plain(there[kind]):
                raise Conflict(
                    f"Database {self.name} has wrong parameters which couldn't be changed on fly: "
                    f"{kind} is {there[kind]}, not {wanted}",
                    hint="make another database and move the data, or take what it has",
                )


class Absent(InDatabase, frozen=True, kw_only=True):
    """See that there is no such database: it goes with all it holds.

    Example:
        - postgres_database.absent: old
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        identifier(self.name, "database")
        there = self.name in databases.databases(host, self.access)
        return Changes({self.name: "Absent"}) if there else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed, as when somebody uses it."""
        do(host, self.access, f"DROP DATABASE {identifier(self.name, 'database')}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return said_of_absent("Database", self.name, moment)


def _plain(name: str) -> str:
    """Return an encoding's or a locale's name as it is compared: en_US.UTF-8 is en_US.utf8."""
    return name.lower().replace("-", "")
