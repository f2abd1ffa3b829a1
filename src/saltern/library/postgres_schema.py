"""PostgreSQL's schemas: what divides a database."""

from __future__ import annotations

from saltern.library.postgres import contents
from saltern.library.postgres.connection import do, unavailable
from saltern.library.postgres.quoting import identifier
from saltern.library.postgres.state import Reaching, seen
from saltern.sdk import Changes, Host, Moment

__all__ = ["Absent", "Present", "unavailable"]


class Present(Reaching, frozen=True, kw_only=True):
    """Keep a schema in a database, and its owner if that is given.

    Example:
        - postgres_schema.present: {name: audit, dbname: app, owner: app}
    """

    dbname: str
    owner: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, or its owner."""
        identifier(self.name, "schema")
        there = (seen(lambda: contents.schemas(host, self.access, self.dbname)) or {}).get(self.name)
        if there is None:
            return Changes({self.name: f"Schema {self.name} has been created"}, mend="new")
        return Changes.between({"owner": there["owner"]}, {"owner": self.owner} if self.owner else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, or give it to its owner. Raises CommandFailed."""
        quoted = identifier(self.name, "schema")
        owner = identifier(self.owner, "owner") if self.owner else ""
        made = f"CREATE SCHEMA {quoted}{f' AUTHORIZATION {owner}' if owner else ''}"
        statement = made if changes.mend == "new" else f"ALTER SCHEMA {quoted} OWNER TO {owner}"
        do(host, self.access, statement, self.dbname)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        done = "created" if changes.mend == "new" else "updated"
        return {
            Moment.CORRECT: f"Schema {self.name} already exists in database {self.dbname}",
            Moment.WOULD: f"Schema {self.name} is set to be {done} in database {self.dbname}.",
            Moment.DONE: f"Schema {self.name} has been {done} in database {self.dbname}",
        }[moment]


class Absent(Reaching, frozen=True, kw_only=True):
    """See that a database has no such schema; one that holds something can't go.

    Example:
        - postgres_schema.absent: {name: audit, dbname: app}
    """

    dbname: str

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        identifier(self.name, "schema")
        there = self.name in (seen(lambda: contents.schemas(host, self.access, self.dbname)) or {})
        return Changes({self.name: "Absent"}) if there else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        do(host, self.access, f"DROP SCHEMA {identifier(self.name, 'schema')}", self.dbname)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Schema {self.name} is not present in database {self.dbname}, "
            "so it cannot be removed",
            Moment.WOULD: f"Schema {self.name} is set to be removed from database {self.dbname}",
            Moment.DONE: f"Schema {self.name} has been removed from database {self.dbname}",
        }[moment]
