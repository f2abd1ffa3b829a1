"""PostgreSQL's tablespaces: directories that hold what databases hold."""

from __future__ import annotations

from typing import Any

from saltern.library.postgres import databases
from saltern.library.postgres.connection import do, unavailable
from saltern.library.postgres.quoting import identifier
from saltern.library.postgres.state import InDatabase, said_of_absent
from saltern.sdk import Changes, Conflict, Host, Moment

__all__ = ["Absent", "Present", "unavailable"]


class Present(InDatabase, frozen=True, kw_only=True):
    """Keep a tablespace in a directory, which must be there, empty, and the server's own.

    ``options`` are its own settings, such as ``random_page_cost``; others that it has are left alone.

    Example:
        - postgres_tablespace.present: {name: fast, directory: /srv/fast, owner: app}
    """

    directory: str
    options: dict[str, str | int | float] | list[dict[str, str | int | float]] | None = None
    owner: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, or what is otherwise. Raises Conflict for another directory."""
        identifier(self.name, "tablespace")
        there = databases.tablespaces(host, self.access).get(self.name)
        if there is None:
            return Changes({self.name: f"Tablespace {self.name} created"}, mend="new")
        if there["Location"] != self.directory:
            raise Conflict(
                f"Tablespace {self.name} is not in the right directory: it is in {there['Location']}",
                hint="PostgreSQL can't move one: make another",
            )
        return Changes(self._differs(there))

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, or set what is otherwise. Raises CommandFailed."""
        how: dict[str, Any] = {name: getattr(self.access, name) for name in self.access.__struct_fields__}
        if changes.mend == "new":
            databases.tablespace_create(
                host, self.name, self.directory, **how, owner=self.owner, options=self._options
            )
            return
        owner = self.owner if "owner" in changes else None
        databases.tablespace_alter(host, self.name, **how, new_owner=owner, set_option=changes.get("options"))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        done = "created" if changes.mend == "new" else "changed"
        return {
            Moment.CORRECT: f"Tablespace {self.name} is already present",
            Moment.WOULD: f"Tablespace {self.name} is set to be {done}",
            Moment.DONE: f"Tablespace {self.name} has been {done}",
        }[moment]

    @property
    def _options(self) -> dict[str, str | int | float]:
        given = self.options or {}
        return given if isinstance(given, dict) else {k: v for one in given for k, v in one.items()}

    def _differs(self, there: dict[str, str]) -> dict[str, Any]:
        differs: dict[str, Any] = {}
        if self.owner is not None and self.owner != there["Owner"]:
            differs["owner"] = self.owner
        has = dict(one.split("=", 1) for one in there["Opts"].split(",") if "=" in one)
        others = {name: value for name, value in self._options.items() if has.get(name) != str(value)}
        return differs | ({"options": others} if others else {})


class Absent(InDatabase, frozen=True, kw_only=True):
    """See that there is no such tablespace; one that holds something can't go.

    Example:
        - postgres_tablespace.absent: fast
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        identifier(self.name, "tablespace")
        there = self.name in databases.tablespaces(host, self.access)
        return Changes({self.name: "Absent"}) if there else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        do(host, self.access, f"DROP TABLESPACE {identifier(self.name, 'tablespace')}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return said_of_absent("Tablespace", self.name, moment)
