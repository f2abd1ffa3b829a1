"""What accounts of MySQL and MariaDB may do: granted or not."""

from __future__ import annotations

from saltern.library.mysql import grants
from saltern.library.mysql.connection import do, unavailable
from saltern.library.mysql.state import Reaching
from saltern.sdk import Changes, Host, Moment

__all__ = ["Absent", "Present", "unavailable"]


class _Grants(Reaching, frozen=True, kw_only=True):
    """``database`` is ``db.table``, ``db.*`` or ``*.*``."""

    grant: str | list[str]
    database: str
    user: str
    host: str = "localhost"
    grant_option: bool = False
    escape: bool = True

    @property
    def _wanted(self) -> grants.Grant:
        return grants.Grant(
            **self.given,
            grant=self.grant,
            database=self.database,
            user=self.user,
            host=self.host,
            grant_option=self.grant_option,
            escape=self.escape,
        )

    @property
    def _shown(self) -> str:
        words = self.grant if isinstance(self.grant, str) else ",".join(self.grant)
        return f"{words} on {self.database} to {self.user}@{self.host}"


class Present(_Grants, frozen=True, kw_only=True):
    """See that an account has been granted privileges.

    ``_`` and ``%`` in a database's name mean themselves unless ``escape`` is false. ``revoke_first`` takes
    away what else it has there.

    Example:
        - mysql_grants.present: {name: app, grant: 'select,insert', database: app.*, user: app}
    """

    revoke_first: bool = False

    def check(self, host: Host) -> Changes:
        """Return that something has to be granted, or taken away before."""
        wanted = self._wanted
        more = self._more(host)
        if grants.has_all(host, wanted) and not more:
            return Changes()
        return Changes({self.name: "Present"}, mend=more)

    def apply(self, host: Host, changes: Changes) -> None:
        """Grant it. Raises CommandFailed."""
        wanted = self._wanted
        if changes.mend:
            do(host, self.access, f"REVOKE ALL PRIVILEGES ON {wanted.where} FROM {wanted.account}")
        grants.give(host, wanted)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Grant {self._shown} is already present",
            Moment.WOULD: f"MySQL grant {self.name} is set to be created",
            Moment.DONE: f"Grant {self._shown} has been added",
        }[moment]

    def _more(self, host: Host) -> set[str]:
        """Return what it has there that is not wanted, where that matters."""
        if not self.revoke_first:
            return set()
        words, _ = grants.held(host, self._wanted)
        return set() if grants.has_all(host, self._wanted) and words == self._wanted.words else words


class Absent(_Grants, frozen=True, kw_only=True):
    """See that an account has not been granted any of some privileges.

    Example:
        - mysql_grants.absent: {name: app, grant: insert, database: app.*, user: app}
    """

    def check(self, host: Host) -> Changes:
        """Return that something has to be taken away."""
        return Changes({self.name: "Absent"} if grants.has_any(host, self._wanted) else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it away. Raises CommandFailed."""
        grants.revoke(host, self._wanted)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Grant {self._shown} is not present, so it cannot be revoked",
            Moment.WOULD: f"MySQL grant {self.name} is set to be revoked",
            Moment.DONE: f"Grant {self._shown} has been revoked",
        }[moment]
