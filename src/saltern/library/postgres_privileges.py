"""What PostgreSQL's roles may do: granted or not."""

from __future__ import annotations

from saltern.library.postgres import privileges as acl
from saltern.library.postgres.connection import unavailable
from saltern.library.postgres.state import InDatabase, seen
from saltern.sdk import Changes, Host, Moment

__all__ = ["Absent", "Present", "unavailable"]


class _Privileges(InDatabase, frozen=True, kw_only=True):
    """``name`` is the role; all privileges there are unless some are given."""

    object_name: str
    object_type: str
    privileges: list[str] | str | None = None
    prepend: str = "public"

    @property
    def _may_grant(self) -> bool:
        return False

    @property
    def _wanted(self) -> acl.Wanted:
        return acl.Wanted(
            **{name: getattr(self.access, name) for name in self.access.__struct_fields__},
            name=self.name,
            object_name=self.object_name,
            object_type=self.object_type,
            privileges=self.privileges,
            grant_option=self._may_grant,
            prepend=self.prepend,
        )

    @property
    def _named(self) -> str:
        return ",".join(self._wanted.words) or "ALL"


class Present(_Privileges, frozen=True, kw_only=True):
    """See that a role has been granted privileges.

    ``object_type`` is table, sequence, schema, database, tablespace, language, function or group (being in
    it). ``prepend`` is the schema of tables, sequences and functions; ``object_name: ALL`` means all tables
    or sequences of it that there are. ``grant_option`` lets the role grant them to others.

    Example:
        - postgres_privileges.present: {name: app, object_name: ALL, object_type: table, privileges: [SELECT]}
    """

    grant_option: bool | None = None

    @property
    def _may_grant(self) -> bool:
        return bool(self.grant_option)

    def check(self, host: Host) -> Changes:
        """Return that something has to be granted."""
        return Changes() if seen(lambda: acl.has_all(host, self._wanted)) else Changes({self.name: "Present"})

    def apply(self, host: Host, changes: Changes) -> None:
        """Grant it. Raises CommandFailed."""
        acl.grant(host, self._wanted)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "The requested privilege(s) are already set",
            Moment.WOULD: f"The privilege(s): {self._named} are set to be granted to {self.name}",
            Moment.DONE: f"The privilege(s): {self._named} have been granted to {self.name}",
        }[moment]


class Absent(_Privileges, frozen=True, kw_only=True):
    """See that a role has not been granted any of some privileges.

    Example:
        - postgres_privileges.absent: {name: app, object_name: ALL, object_type: table, privileges: [UPDATE]}
    """

    def check(self, host: Host) -> Changes:
        """Return that something has to be taken away."""
        return Changes({self.name: "Absent"}) if seen(lambda: acl.has_any(host, self._wanted)) else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it away. Raises CommandFailed."""
        acl.revoke(host, self._wanted)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "The requested privilege(s) are not set so they cannot be revoked",
            Moment.WOULD: f"The privilege(s): {self._named} are set to be revoked from {self.name}",
            Moment.DONE: f"The privilege(s): {self._named} have been revoked from {self.name}",
        }[moment]
