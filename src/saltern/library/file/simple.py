"""``file.absent``, ``exists``, ``missing``, ``touch`` and ``symlink``: what lies at a path."""

from __future__ import annotations

from typing import Any

from saltern.library.file import place
from saltern.sdk import Action, BadArgument, Changes, Conflict, Done, Host, Moment, State


class Absent(State, frozen=True, kw_only=True):
    """See that nothing lies at a path: a file or a link is removed, a directory with all below it.

    Example:
        - file.absent: /etc/motd
    """

    def check(self, host: Host) -> Changes:
        """Return what would be removed. Raises BadArgument for ``/``."""
        path = place.absolute(self.name)
        if path == "/":
            raise BadArgument("Refusing to make / absent")
        return Changes({"removed": self.name}) if host.stat(path, follow=False) else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it."""
        path = place.absolute(self.name)
        there = host.stat(path, follow=False)
        if there is not None:
            (host.remove_tree if there.kind == "directory" else host.remove)(path)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"File {self.name} is not present",
            Moment.WOULD: f"File {self.name} is set for removal",
            Moment.DONE: f"Removed {self.name}",
        }[moment]


class Exists(State, frozen=True, kw_only=True):
    """Fail unless something lies at a path.

    Example:
        - file.exists: /etc/passwd
    """

    def check(self, host: Host) -> Changes:
        """Return nothing. Raises Conflict."""
        if not host.exists(place.absolute(self.name)):
            raise Conflict(f"Specified path {self.name} does not exist")
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Path {self.name} exists"


class Missing(State, frozen=True, kw_only=True):
    """Fail when something lies at a path.

    Example:
        - file.missing: /etc/nologin
    """

    def check(self, host: Host) -> Changes:
        """Return nothing. Raises Conflict."""
        if host.exists(place.absolute(self.name)):
            raise Conflict(f"Specified path {self.name} exists")
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"Path {self.name} is missing"


class Touch(Action, frozen=True, kw_only=True):
    """Make an empty file, or set the times of what is there: to ``atime`` and ``mtime``, else to now.

    Times are seconds since the epoch. Without them what is there is touched each time.

    Example:
        - file.touch: /var/log/app.log
    """

    atime: float | None = None
    mtime: float | None = None
    makedirs: bool = False

    def check(self, host: Host) -> Changes:
        """Return what would be made or touched."""
        there = host.stat(place.absolute(self.name))
        if there is None:
            return Changes({"new": self.name})
        wanted = [(self.atime, there.accessed), (self.mtime, there.modified)]
        given = [(want, now) for want, now in wanted if want is not None]
        if given and all(int(want) == int(now) for want, now in given):
            return Changes()
        return Changes({"touched": self.name})

    def apply(self, host: Host, changes: Changes) -> Done:
        """Make it, and set its times."""
        path = place.absolute(self.name)
        place.make_parent(host, path, self.makedirs, None, place.Wanted())
        if "new" in changes:
            host.write(path, b"")
        now = host.now()
        accessed = self.atime if self.atime is not None else self.mtime
        modified = self.mtime if self.mtime is not None else self.atime
        if "touched" in changes or accessed is not None:
            host.set_times(path, now if accessed is None else accessed, now if modified is None else modified)
        return Done(changes=dict(changes), comment=self.says(changes, Moment.DONE))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        new = "new" in changes
        return {
            Moment.CORRECT: f"File {self.name} exists and has the correct times",
            Moment.WOULD: f"File {self.name} is set to be created" if new else "Times set to be updated",
            Moment.DONE: f"Created empty file {self.name}" if new else f"Updated times on {self.name}",
        }[moment]


class Symlink(State, frozen=True, kw_only=True):
    """Keep a symbolic link pointing to ``target``; the target need not be there.

    A link that points elsewhere is changed in one step. A file or directory in its place is an error, unless
    ``force`` removes it or ``backupname`` says where to move it (a name beside it, or a path).

    Example:
        - file.symlink: {name: /etc/grub.conf, target: /boot/grub/grub.conf}
    """

    target: str
    force: bool = False
    backupname: str | None = None
    makedirs: bool = False
    user: place.Account = None
    group: place.Account = None
    mode: place.Mode = None
    atomic: bool = True
    follow_symlinks: bool = True
    inherit_user_and_group: bool = False
    disallow_copy_and_unlink: bool = False

    def check(self, host: Host) -> Changes:
        """Return what the link would be changed from. Raises Conflict for what is in its place."""
        path, wanted = place.absolute(self.name), place.wanted(host, self.user, self.group, None)
        there = host.stat(path, follow=False)
        if there is None:
            return Changes({"new": self.name})
        if there.kind == "link":
            found: dict[str, Any] = {}
            if there.target != self.target:
                found["change"] = f"{there.target} -> {self.target}"
            return Changes(found | wanted.differs(there, self.user, self.group))
        if not self.force and self.backupname is None:
            raise Conflict(
                f"{there.kind.capitalize()} exists where the symlink {self.name} should be",
                hint="write - force: true to remove it, or - backupname: x to keep it",
            )
        return Changes({"forced" if self.backupname is None else "backup": there.kind, "new": self.name})

    def apply(self, host: Host, changes: Changes) -> Done:
        """Make room where that is asked for, and make the link."""
        path, wanted = place.absolute(self.name), place.wanted(host, self.user, self.group, None)
        if "forced" in changes:
            (host.remove_tree if changes["forced"] == "directory" else host.remove)(path)
        elif "backup" in changes:
            move_away(host, path, self.backupname or "")
        if "new" in changes or "change" in changes:
            place.make_parent(host, path, self.makedirs, self.mode, wanted)
            host.link(path, self.target)
        there = host.stat(path, follow=False)
        if there is not None:
            wanted.give(host, path, there)
        shown = dict(changes)
        if shown.pop("change", None) is not None:
            shown["new"] = self.name
        return Done(changes=shown, comment=self.says(changes, Moment.DONE))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        link = f"{self.name} -> {self.target}"
        return {
            Moment.CORRECT: f"Symlink {self.name} is present",
            Moment.WOULD: f"Symlink {self.name} to {self.target} is set for creation",
            Moment.DONE: f"Created new symlink {link}" if "new" in changes else f"Changed symlink {link}",
        }[moment]


def move_away(host: Host, path: str, name: str) -> None:
    """Move what lies at a path to a name beside it, or to an absolute path.

    Raises Conflict when something is there already.
    """
    folder = path.rpartition("/")[0]
    target = name if name.startswith("/") else f"{folder}/{name}"
    if host.stat(target, follow=False) is not None:
        raise Conflict(f"{path} can't be kept as {target}: something is there already")
    host.rename(path, target)
