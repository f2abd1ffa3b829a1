"""``file.copy``, ``rename``, ``hardlink`` and ``mknod``: other places and names for what there is."""

from __future__ import annotations

import posixpath
from typing import Literal

from saltern.library.file import place
from saltern.sdk import Changes, Conflict, Host, Moment, NotFound, Stat, State
from saltern.sdk.host import NodeKind


class Copy(State, frozen=True, kw_only=True):
    """Copy a file or directory of this machine, unless something lies at the new place.

    With ``force`` what lies there is replaced when it is otherwise. With ``subdir`` a file is copied into a
    directory that lies there. ``preserve`` keeps owner, mode and times; else the mode is ``mode`` or the
    source's.

    Example:
        - file.copy: {name: /etc/app.conf, source: /usr/share/app/app.conf.example}
    """

    source: str
    force: bool = False
    makedirs: bool = False
    preserve: bool = False
    user: place.Account = None
    group: place.Account = None
    mode: place.Mode = None
    dir_mode: place.Mode = None
    subdir: bool = False

    def check(self, host: Host) -> Changes:
        """Return the copy to be made. Raises NotFound for a source that isn't there."""
        source, target = place.absolute(self.source), self._target(host)
        there = host.stat(source, follow=False)
        if there is None:
            raise NotFound(f"Source file {source} is not present")
        now = host.stat(target, follow=False)
        if now is not None and (not self.force or _same(host, source, target)):
            return Changes()
        return Changes({target: source})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make the copy, then give it its owner and mode."""
        source, target = place.absolute(self.source), self._target(host)
        there = place.stat_of(host, source)
        owner = place.wanted(host, self.user, self.group, self.mode)
        place.make_parent(host, target, self.makedirs, self.dir_mode, owner)
        now = host.stat(target, follow=False)
        if now is not None and (now.kind == "directory" or there.kind != "file"):
            (host.remove_tree if now.kind == "directory" else host.remove)(target)
        copied(host, source, target, preserve=self.preserve)
        owner.give(host, target, place.stat_of(host, target))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f'The target file "{self.name}" exists and will not be overwritten',
            Moment.WOULD: f'File "{self.source}" is set to be copied to "{self.name}"',
            Moment.DONE: f'Copied "{self.source}" to "{self.name}"',
        }[moment]

    def _target(self, host: Host) -> str:
        target = place.absolute(self.name)
        there, source = host.stat(target), host.stat(place.absolute(self.source))
        is_file = source is not None and source.kind == "file"
        into = self.subdir and is_file and there is not None and there.kind == "directory"
        return posixpath.join(target, posixpath.basename(self.source)) if into else target


def copied(host: Host, source: str, target: str, *, preserve: bool) -> None:
    """Copy a file, a link or a directory with all in it, modes kept; ``preserve`` keeps owner and times."""
    there = place.stat_of(host, source)
    if there.kind == "link":
        return host.link(target, there.target)
    if there.kind == "directory":
        host.make_directory(target, there.mode)
        for name in host.list_directory(source):
            copied(host, f"{source}/{name}", f"{target}/{name}", preserve=preserve)
    elif there.kind == "file":
        kept = place.Wanted(there.uid, there.gid) if preserve else place.Wanted()
        host.write(target, host.read(source), there.mode, kept.owner(host, None))
    else:
        raise Conflict(f"{source} is a {there.kind} and can't be copied")
    if preserve:
        place.Wanted(there.uid, there.gid, there.mode).give(host, target, place.stat_of(host, target))
        host.set_times(target, there.accessed, there.modified)
    return None


def _same(host: Host, source: str, target: str) -> bool:
    """Tell whether two things are alike: content, target, and for directories all in them."""
    here, there = host.stat(source, follow=False), host.stat(target, follow=False)
    if here is None or there is None or here.kind != there.kind:
        return False
    if here.kind == "directory":
        names = host.list_directory(source)
        return names == host.list_directory(target) and all(
            _same(host, f"{source}/{name}", f"{target}/{name}") for name in names
        )
    if here.kind == "link":
        return here.target == there.target
    return here.size == there.size and host.read(source) == host.read(target)


class Rename(State, frozen=True, kw_only=True):
    """Give what lies at ``source`` the name ``name``; where nothing lies there, it has been done.

    What lies at the new name is kept, unless ``force``.

    Example:
        - file.rename: {name: /etc/app.conf, source: /etc/app.conf.new}
    """

    source: str
    force: bool = False
    makedirs: bool = False

    def check(self, host: Host) -> Changes:
        """Return the renaming to be done."""
        source, target = place.absolute(self.source), place.absolute(self.name)
        if host.stat(source, follow=False) is None:
            return Changes()
        if host.stat(target, follow=False) is not None and not self.force:
            return Changes()
        return Changes({self.name: self.source})

    def apply(self, host: Host, changes: Changes) -> None:
        """Rename it."""
        source, target = place.absolute(self.source), place.absolute(self.name)
        there = host.stat(target, follow=False)
        if there is not None and there.kind == "directory":
            host.remove_tree(target)
        place.make_parent(host, target, self.makedirs, None, place.Wanted())
        host.rename(source, target)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f'The file "{self.source}" is not there or "{self.name}" exists and is kept',
            Moment.WOULD: f'File "{self.source}" is set to be moved to "{self.name}"',
            Moment.DONE: f'Moved "{self.source}" to "{self.name}"',
        }[moment]


class Hardlink(State, frozen=True, kw_only=True):
    """Keep another name of a file. What else lies at that name is replaced only with ``force``.

    Example:
        - file.hardlink: {name: /srv/www/logo, target: /srv/app/logo}
    """

    target: str
    force: bool = False
    makedirs: bool = False
    user: place.Account = None
    group: place.Account = None
    dir_mode: place.Mode = None

    def check(self, host: Host) -> Changes:
        """Return the name to be made. Raises NotFound, Conflict."""
        path, target = place.absolute(self.name), place.absolute(self.target)
        file = host.stat(target)
        if file is None:
            raise NotFound(f"Target {self.target} for hard link does not exist")
        if file.kind == "directory":
            raise Conflict(f"Unable to hard link from directory {self.target}")
        there = host.stat(path, follow=False)
        if there is None:
            return Changes({"new": self.name})
        if there.kind == "directory":
            raise Conflict(f"Unable to hard link to directory {self.name}")
        if there.inode == file.inode:
            return Changes()
        if not self.force:
            raise Conflict(f"File exists where the hard link {self.name} should be", hint="- force: true")
        return Changes({"forced": "File for hard link was forcibly replaced", "new": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make room where that is asked for, and make the name."""
        path = place.absolute(self.name)
        if "forced" in changes:
            host.remove(path)
        owner = place.wanted(host, self.user, self.group, None)
        place.make_parent(host, path, self.makedirs, self.dir_mode, owner)
        host.hard_link(path, host.real_path(place.absolute(self.target)))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Target of hard link {self.name} is already pointing to {self.target}",
            Moment.WOULD: f"Hard link {self.name} to {self.target} is set for creation",
            Moment.DONE: f"Created new hard link {self.name} -> {self.target}",
        }[moment]


class Mknod(State, frozen=True, kw_only=True):
    """Keep a named pipe (``ntype: p``), a character device (``c``) or a block device (``b``).

    Example:
        - file.mknod: {name: /run/app.pipe, ntype: p, mode: '0660'}
    """

    ntype: Literal["p", "c", "b"]
    major: int = 0
    minor: int = 0
    user: place.Account = None
    group: place.Account = None
    mode: place.Mode = "0600"

    def check(self, host: Host) -> Changes:
        """Return what would be made or set. Raises Conflict for what is in its place."""
        there = host.stat(place.absolute(self.name), follow=False)
        wanted = place.wanted(host, self.user, self.group, self.mode)
        if there is None:
            return Changes({"new": f"{_KINDS[self.ntype]} {self.name} created"})
        if not self._is_it(there):
            raise Conflict(
                f"{self.name} exists and is a {there.kind}{_numbers(there)}, not that {_KINDS[self.ntype]}",
                hint="file.absent removes it",
            )
        return Changes(wanted.differs(there, self.user, self.group))

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, and set owner and mode."""
        path = place.absolute(self.name)
        wanted = place.wanted(host, self.user, self.group, self.mode)
        if "new" in changes:
            bits = 0o600 if wanted.mode is None else wanted.mode
            host.make_node(path, _NODES[self.ntype], bits, (self.major, self.minor))
        wanted.give(host, path, place.stat_of(host, path))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        kind = _KINDS[self.ntype].capitalize()
        return {
            Moment.CORRECT: f"{kind} {self.name} is in the correct state",
            Moment.WOULD: f"{kind} {self.name} is set to be created or changed",
            Moment.DONE: f"{kind} {self.name} updated",
        }[moment]

    def _is_it(self, there: Stat) -> bool:
        if self.ntype == "p":
            return there.kind == "pipe"
        same = there.device == (self.major, self.minor)
        return there.kind == "device" and there.block is (self.ntype == "b") and same


_KINDS = {"p": "fifo pipe", "c": "character device", "b": "block device"}
_NODES: dict[str, NodeKind] = {"p": "pipe", "c": "character", "b": "block"}


def _numbers(there: Stat) -> str:
    return f" {there.device[0]}:{there.device[1]}" if there.kind == "device" else ""
