"""``salt.utils.user``: accounts of this machine."""

from __future__ import annotations

import grp
import os
import pwd


def get_user() -> str:
    """Return the name of the account this runs as."""
    return pwd.getpwuid(os.geteuid()).pw_name


def get_uid(user: str | None = None) -> int | None:
    """Return an account's number; None when there is none."""
    if user is None:
        return os.geteuid()
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def get_group_list(user: str, include_default: bool = True) -> list[str]:
    """Return the names of an account's groups, sorted."""
    main = pwd.getpwnam(user).pw_gid
    numbers = [one for one in os.getgrouplist(user, main) if include_default or one != main]
    return sorted(grp.getgrgid(one).gr_name for one in numbers)


def get_default_group(user: str) -> str:
    """Return the name of an account's main group."""
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def get_group_dict(user: str | None = None, include_default: bool = True) -> dict[str, int]:
    """Return an account's groups: names to numbers."""
    return {name: grp.getgrnam(name).gr_gid for name in get_group_list(user or get_user(), include_default)}


def get_gid(group: str | None = None) -> int | None:
    """Return a group's number; None when there is none."""
    if group is None:
        return os.getegid()
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None
