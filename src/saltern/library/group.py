"""Groups of accounts: there or not, with the number and the members they shall have."""

from __future__ import annotations

from typing import Any

from saltern.library import _accounts
from saltern.library._accounts import GroupEntry, checked, names
from saltern.sdk import Changes, Conflict, Done, Host, Moment, NotFound, NotSupported, State

Names = str | list[str]


def info(host: Host, name: str) -> dict[str, Any]:
    """Return a group: ``{name, passwd, gid, members}``; nothing when there is none.

    Example:
        saltern run '*' group.info sudo
    """
    found = _accounts.group(host, name)
    return {} if found is None else _shown(found)


def getent(host: Host, refresh: bool = False) -> list[dict[str, Any]]:
    """Return all groups. ``refresh`` is accepted as Salt has it.

    Example:
        saltern run '*' group.getent
    """
    return [_shown(one) for one in _accounts.groups(host)]


def add(
    host: Host, name: str, gid: int | None = None, system: bool = False, non_unique: bool = False
) -> bool:
    """Make a group. Raises CommandFailed.

    Example:
        saltern run '*' group.add web 2000
    """
    words = [] if gid is None else ["--gid", str(gid)]
    words += ["--system"] if system else []
    return _accounts.run(
        host, "groupadd", *words, *(["--non-unique"] if non_unique else []), checked(name, "group")
    )


def delete(host: Host, name: str) -> bool:
    """Remove a group. Raises CommandFailed, also for one that is somebody's primary group.

    Example:
        saltern run '*' group.delete web
    """
    return _accounts.run(host, "groupdel", checked(name, "group"))


def chgid(host: Host, name: str, gid: int, non_unique: bool = False) -> bool:
    """Give a group another number; files that have the old one keep it. Raises NotFound, CommandFailed.

    Example:
        saltern run '*' group.chgid web 2001
    """
    if _accounts.group(host, name) is None:
        raise NotFound(f"Group {name!r} does not exist")
    more = ["--non-unique"] if non_unique else []
    return _accounts.run(host, "groupmod", "--gid", str(gid), *more, name)


def adduser(host: Host, name: str, username: str) -> bool:
    """Put an account into a group. Raises CommandFailed.

    Example:
        saltern run '*' group.adduser web app
    """
    return _accounts.run(host, "gpasswd", "--add", checked(username), checked(name, "group"))


def deluser(host: Host, name: str, username: str) -> bool:
    """Take an account out of a group; one that isn't in it is out. Raises CommandFailed.

    Example:
        saltern run '*' group.deluser web app
    """
    found = _accounts.group(host, name)
    if found is None or username not in found.members:
        return True
    return _accounts.run(host, "gpasswd", "--delete", checked(username), name)


def members(host: Host, name: str, members_list: Names) -> bool:
    """Have a group hold exactly these accounts. Raises CommandFailed.

    Example:
        saltern run '*' group.members web app,deploy
    """
    wanted = ",".join(map(checked, names(members_list)))
    return _accounts.run(host, "gpasswd", "--members", wanted, checked(name, "group"))


class Present(State, frozen=True, kw_only=True):
    """Keep a group.

    ``members`` are all that it shall have; ``addusers`` and ``delusers`` leave the others alone. ``gid``
    gives it a number, ``system`` one of those for services.

    Example:
        - group.present: {name: web, gid: 2000, addusers: [app]}
    """

    gid: int | None = None
    system: bool = False
    addusers: list[str] | None = None
    delusers: list[str] | None = None
    members: list[str] | None = None
    non_unique: bool = False
    local: bool = False

    def check(self, host: Host) -> Changes:
        """Return what is otherwise: ``{gid, members, addusers, delusers}``. Raises Conflict."""
        self._refuse_contradictions()
        found = _accounts.group(host, checked(self.name, "group"))
        if found is not None:
            return Changes(self._differs(found), comment=self._set_to(self._differs(found)))
        self._refuse_a_number_in_use(host)
        wanted = {"name": self.name} | self._differs(GroupEntry(self.name, "", -1, ()))
        return Changes(wanted, mend="new", comment=f"Group {self.name} set to be added")

    def apply(self, host: Host, changes: Changes) -> Done:
        """Make it, or mend what is otherwise. Raises CommandFailed."""
        if changes.mend == "new":
            add(host, self.name, self.gid, self.system, self.non_unique)
        elif "gid" in changes:
            chgid(host, self.name, changes["gid"], self.non_unique)
        if "members" in changes:
            members(host, self.name, changes["members"])
        for one in changes.get("addusers", ()):
            adduser(host, self.name, one)
        for one in changes.get("delusers", ()):
            deluser(host, self.name, one)
        if changes.mend == "new":
            return Done(changes=info(host, self.name), comment=f"New group {self.name} created")
        return Done(changes=dict(changes), comment=changes.comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Group {self.name} is present and up to date"

    def _differs(self, found: GroupEntry) -> dict[str, Any]:
        differences: dict[str, Any] = {}
        if self.gid is not None and self.gid != found.gid:
            differences["gid"] = self.gid
        if self.members is not None and set(self.members) != set(found.members):
            differences["members"] = sorted(set(self.members))
        missing = [one for one in self.addusers or () if one not in found.members]
        extra = [one for one in self.delusers or () if one in found.members]
        return (
            differences | ({"addusers": missing} if missing else {}) | ({"delusers": extra} if extra else {})
        )

    def _set_to(self, differences: dict[str, Any]) -> str:
        if not differences:
            return ""
        lines = "".join(f"{name}: {value}\n" for name, value in differences.items())
        return f"The following group attributes are set to be changed:\n{lines}"

    def _refuse_contradictions(self) -> None:
        if self.local:
            raise NotSupported("local: true is not served", hint="groups are kept in the host's own files")
        if self.members is not None and (self.addusers or self.delusers):
            raise Conflict(
                'Conflicting options "members" with "addusers" and/or "delusers" can not be used together.'
            )
        both = sorted({*(self.addusers or ())} & {*(self.delusers or ())})
        if both:
            raise Conflict(f"Same user(s) can not be added and deleted simultaneously: {', '.join(both)}")

    def _refuse_a_number_in_use(self, host: Host) -> None:
        if self.gid is None or self.non_unique:
            return
        owner = next((one for one in _accounts.groups(host) if one.gid == self.gid), None)
        if owner is not None:
            raise Conflict(
                f"Group {self.name} is not present but gid {self.gid} is already taken by group {owner.name}"
            )


class Absent(State, frozen=True, kw_only=True):
    """See that there is no such group.

    Example:
        - group.absent: web
    """

    local: bool = False

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        there = _accounts.group(host, checked(self.name, "group"))
        return Changes({self.name: ""}) if there else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed, as for the primary group of an account."""
        delete(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Group not present",
            Moment.WOULD: f"Group {self.name} is set for removal",
            Moment.DONE: f"Removed group {self.name}",
        }[moment]


def _shown(found: GroupEntry) -> dict[str, Any]:
    return {"name": found.name, "passwd": found.password, "gid": found.gid, "members": list(found.members)}
