"""A role as a state, which users and groups share."""

from __future__ import annotations

from typing import Any, ClassVar

from saltern.library.postgres import passwords, roles
from saltern.library.postgres.connection import do
from saltern.library.postgres.quoting import identifier
from saltern.library.postgres.state import InDatabase, said_of_absent, said_of_present
from saltern.sdk import Changes, Done, Host, Moment


class RolePresent(InDatabase, frozen=True, kw_only=True):
    """What users and groups have in common; arguments that are not given are left alone."""

    KIND: ClassVar[str] = "User"
    MAY_LOG_IN: ClassVar[bool] = True

    createdb: bool | None = None
    createroles: bool | None = None
    encrypted: bool | str | None = None
    superuser: bool | None = None
    replication: bool | None = None
    inherit: bool | None = None
    login: bool | None = None
    password: str | None = None
    refresh_password: bool | None = None
    groups: str | list[str] | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, or what is otherwise, each attribute with its new value."""
        identifier(self.name, "role")
        with_password = self.password is not None and not self.refresh_password
        there = roles.found(host, self.access, self.name, with_password).get(self.name)
        if there is None:
            return Changes({self.name: "Present"}, mend=self._new())
        differs = self._differs_of(host, there)
        return Changes({self.name: differs}, mend=self._mending(differs)) if differs else Changes()

    def apply(self, host: Host, changes: Changes) -> Done | None:
        """Make it, or set what is otherwise. Raises CommandFailed."""
        made = changes[self.name] == "Present"
        (roles.create if made else roles.update)(host, self.name, changes.mend)
        return None

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return said_of_present(self.KIND, self.name, moment, changes.get(self.name) == "Present")

    def _new(self) -> roles.Role:
        login = self.MAY_LOG_IN if self.login is None else self.login
        return self._role(login=login, rolepassword=self.password, groups=self.groups)

    def _role(self, **more: Any) -> roles.Role:
        access = {name: getattr(self.access, name) for name in self.access.__struct_fields__}
        flags = {name: getattr(self, name) for name in roles.FLAGS}
        return roles.Role(**{**access, **flags, "encrypted": self.encrypted, **more})

    def _differs_of(self, host: Host, there: dict[str, Any]) -> dict[str, Any]:
        """Return what is otherwise, in the shape that people see: no password is in it."""
        differs: dict[str, Any] = {
            name: wanted
            for name, (_, listed) in roles.FLAGS.items()
            if (wanted := getattr(self, name)) is not None and wanted != there[listed]
        }
        if self._has_other_password(there):
            differs["password"] = True
        missing = [one for one in roles.group_names(self.groups) if one not in there["groups"]]
        return differs | ({"groups": missing} if missing else {})

    def _has_other_password(self, there: dict[str, Any]) -> bool:
        if self.password is None:
            return False
        if self.refresh_password:
            return True
        how = roles.how_kept(self.encrypted)
        return not passwords.is_kept_as(there["password"] or "", self.password, self.name, how)

    def _mending(self, differs: dict[str, Any]) -> roles.Role:
        alone = {name: differs.get(name) for name in roles.FLAGS}
        password = self.password if "password" in differs else None
        return self._role(**alone, rolepassword=password, groups=differs.get("groups"))


class RoleAbsent(InDatabase, frozen=True, kw_only=True):
    """What users and groups have in common."""

    KIND: ClassVar[str] = "User"

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        identifier(self.name, "role")
        there = roles.found(host, self.access, self.name)
        return Changes({self.name: "Absent"}) if there else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed, as when it owns something."""
        do(host, self.access, f"DROP ROLE {identifier(self.name, 'role')}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return said_of_absent(self.KIND, self.name, moment)
