"""PostgreSQL's groups: roles that others are in."""

from __future__ import annotations

from typing import ClassVar

from saltern.library.postgres.connection import unavailable
from saltern.library.postgres.role_state import RoleAbsent, RolePresent

__all__ = ["Absent", "Present", "unavailable"]


class Present(RolePresent, frozen=True, kw_only=True):
    """Keep a group: a role that may not log in, unless ``login`` says otherwise.

    Example:
        - postgres_group.present: {name: readers, groups: [staff]}
    """

    KIND: ClassVar[str] = "Group"
    MAY_LOG_IN: ClassVar[bool] = False


class Absent(RoleAbsent, frozen=True, kw_only=True):
    """See that there is no such group.

    Example:
        - postgres_group.absent: readers
    """

    KIND: ClassVar[str] = "Group"
