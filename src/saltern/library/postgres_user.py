"""PostgreSQL's users: roles that may log in."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.library.postgres import roles
from saltern.library.postgres.connection import unavailable
from saltern.library.postgres.role_state import RoleAbsent, RolePresent
from saltern.sdk import Host

__all__ = ["Absent", "Present", "unavailable"]


class Present(RolePresent, frozen=True, kw_only=True):
    """Keep a user.

    ``password`` is compared with what the server keeps; ``encrypted`` says how that is: ``md5`` (or true),
    ``scram-sha-256``, or as the server has it. ``default_password`` is only for a new user, ``groups`` are
    added to those it is in. ``refresh_password`` sets the password each time, for who may not read it.

    Example:
        - postgres_user.present: {name: app, password: secret, createdb: true, groups: readers}
    """

    default_password: str | None = None
    valid_until: str | None = None

    def _new(self) -> roles.Role:
        password = self.default_password if self.password is None else self.password
        made = roles.with_password(RolePresent._new(self), password)
        return msgspec.structs.replace(made, valid_until=self.valid_until)

    def _differs_of(self, host: Host, there: dict[str, Any]) -> dict[str, Any]:
        differs = RolePresent._differs_of(self, host, there)
        wanted = self.valid_until
        if wanted is not None and not roles.has_expiry(host, self.access, self.name, wanted):
            differs["valid_until"] = wanted
        return differs

    def _mending(self, differs: dict[str, Any]) -> roles.Role:
        mending = RolePresent._mending(self, differs)
        return msgspec.structs.replace(mending, valid_until=differs.get("valid_until"))


class Absent(RoleAbsent, frozen=True, kw_only=True):
    """See that there is no such user.

    Example:
        - postgres_user.absent: app
    """
