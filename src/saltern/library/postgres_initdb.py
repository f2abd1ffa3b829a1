"""The data of a PostgreSQL server, where there are no clusters as Debian has them."""

from __future__ import annotations

from typing import Any

from saltern.library.postgres import clusters
from saltern.sdk import Changes, Host, Moment, State


class Present(State, frozen=True, kw_only=True):
    """See that a directory, ``name``, holds a server's data.

    ``user`` is the first role (postgres unless given), ``password`` its password, ``runas`` the account that
    the server runs as.

    Example:
        - postgres_initdb.present: {name: /srv/postgres, auth: scram-sha-256, password: secret}
    """

    user: str | None = None
    password: str | None = None
    auth: str = "password"
    encoding: str = "UTF8"
    locale: str | None = None
    runas: str | None = None
    waldir: str | None = None
    checksums: bool = False

    def check(self, host: Host) -> Changes:
        """Return that it has to be made."""
        return Changes() if clusters.datadir_exists(host, self.name) else Changes({self.name: "Present"})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it. Raises CommandFailed, as when the directory holds something else."""
        given: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        clusters.datadir_init(host, **given)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Postgres data directory {self.name} is already present",
            Moment.WOULD: f"Postgres data directory {self.name} is set to be created",
            Moment.DONE: f"Postgres data directory {self.name} has been created",
        }[moment]
