"""Queries of MySQL and MariaDB, run each time."""

from __future__ import annotations

from typing import Any

from saltern.library.mysql import databases
from saltern.library.mysql.connection import unavailable
from saltern.library.mysql.state import Reaching
from saltern.sdk import Action, Changes, Done, Host, Moment, NotFound

__all__ = ["Run", "RunFile", "unavailable"]


class _Query(Reaching, Action, frozen=True, kw_only=True):
    """``database`` is where the query runs."""

    database: str
    check_db_exists: bool = True

    def check(self, host: Host) -> Changes:
        """Return that it would be run. Raises NotFound when there is no such database."""
        if self.check_db_exists and not databases.found(host, self.access, self.database):
            raise NotFound(
                f"Database {self.database} is not present", hint="mysql_database.present makes one"
            )
        return Changes(unknown="what a query does is known when it has run")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "Query would execute, not storing result" if moment is Moment.WOULD else "Query executed"

    def _run(self, host: Host, query: str) -> Done:
        said: dict[str, Any] = databases.query(host, self.database, query, **self.given)
        said.pop("query time")
        return Done(changes={"query": "Executed"}, comment=str(said))


class Run(_Query, frozen=True, kw_only=True):
    """Run a query; its result is the comment.

    Example:
        - mysql_query.run: {name: tidy, database: app, query: "DELETE FROM sessions"}
    """

    query: str

    def apply(self, host: Host, changes: Changes) -> Done:
        """Run it. Raises CommandFailed."""
        return self._run(host, self.query)


class RunFile(_Query, frozen=True, kw_only=True):
    """Run the queries in a file of the host, or of the file roots (``salt://…``).

    Example:
        - mysql_query.run_file: {name: schema, database: app, query_file: 'salt://app/schema.sql'}
    """

    query_file: str

    def apply(self, host: Host, changes: Changes) -> Done:
        """Run it. Raises NotFound, CommandFailed."""
        if not self.query_file.startswith("salt://"):
            return self._run(host, host.text(self.query_file))
        content = host.supply.file(self.query_file)
        if content is None:
            raise NotFound(f"no file {self.query_file}")
        return self._run(host, content.decode(errors="replace"))
