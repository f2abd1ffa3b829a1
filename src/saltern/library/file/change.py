"""Functions that change what lies at a path: made, moved, removed, given to somebody."""

from __future__ import annotations

import posixpath
from typing import Any, Literal

from saltern.library.file import attributes, place
from saltern.library.file.move import Mknod, copied
from saltern.library.file.simple import Symlink
from saltern.library.file.tidy import Pruned
from saltern.sdk import BadArgument, Conflict, Host, NotFound, State


def kept(host: Host, state: State) -> dict[str, Any]:
    """See that a state holds, at once, and return what was changed. Raises what the state raises."""
    changes = state.check(host)
    if not changes:
        return {}
    done = state.apply(host, changes)
    return dict(changes if done is None else done.changes)


def touch(host: Host, name: str, atime: float | None = None, mtime: float | None = None) -> bool:
    """Make an empty file, or set the times of what is there: seconds since the epoch, else now.

    Example:
        saltern run '*' file.touch /var/log/emptyfile
    """
    from saltern.library.file.simple import Touch

    kept(host, Touch(name=name, atime=atime, mtime=mtime))
    return True


def truncate(host: Host, path: str, length: int) -> None:
    """Make a file as many bytes long: cut off, or filled with zeros.

    Example:
        saltern run '*' file.truncate /var/log/app.log 0
    """
    host.write(path, host.read(path)[:length].ljust(length, b"\0"))


def seek_write(host: Host, path: str, data: str, offset: int) -> int:
    """Write text over what a file holds from an offset on; return how many bytes were written.

    Example:
        saltern run '*' file.seek_write /srv/data 'some data' 4096
    """
    old, new = host.read(path), data.encode()
    host.write(path, old[:offset].ljust(offset, b"\0") + new + old[offset + len(new) :])
    return len(new)


def remove(host: Host, path: str) -> bool:
    """Remove what lies at a path, a directory with all below it; false when nothing did.

    Example:
        saltern run '*' file.remove /tmp/foo
    """
    target = place.absolute(path)
    if target == "/":
        raise BadArgument("Refusing to remove /")
    there = host.stat(target, follow=False)
    if there is None:
        return False
    (host.remove_tree if there.kind == "directory" else host.remove)(target)
    return True


def rmdir(
    host: Host, path: str, recurse: bool = False, verbose: bool = False, older_than: int | None = None
) -> Any:
    """Remove a directory that is empty, with ``recurse`` those below it that are; true when it was.

    ``older_than`` (days) leaves younger ones. With ``verbose`` the answer is ``{deleted, errors, result}``.

    Example:
        saltern run '*' file.rmdir /tmp/foo
    """
    target = place.absolute(path)
    if not host.exists(target):
        raise NotFound(f"{path}: no such directory")
    changes = kept(host, Pruned(name=path, recurse=recurse, ignore_errors=True, older_than=older_than))
    gone = host.stat(target, follow=False) is None
    if not verbose:
        return gone
    errors = [] if gone else [[target, "the directory is not empty"]]
    return {"deleted": changes.get("deleted", []), "errors": errors, "result": gone}


def rename(host: Host, src: str, dst: str) -> bool:
    """Give what lies at a path another name; a file there is replaced. Raises NotFound.

    Example:
        saltern run '*' file.rename /path/to/src /path/to/dst
    """
    host.rename(place.absolute(src), place.absolute(dst))
    return True


def move(host: Host, src: str, dst: str, disallow_copy_and_unlink: bool = False) -> dict[str, Any]:
    """Move what lies at a path, into a directory when one lies at ``dst``; return ``{result, comment}``.

    Example:
        saltern run '*' file.move /path/to/src /path/to/dst
    """
    source, target = place.absolute(src), place.absolute(dst)
    there = host.stat(target)
    if there is not None and there.kind == "directory":
        target = posixpath.join(target, posixpath.basename(source))
    host.rename(source, target)
    return {"result": True, "comment": f"'{src}' moved to '{dst}'"}


def copy(host: Host, src: str, dst: str, recurse: bool = False, remove_existing: bool = False) -> bool:
    """Copy a file, with ``recurse`` a directory; ``remove_existing`` removes what lies at ``dst`` first.

    Example:
        saltern run '*' file.copy /path/to/src /path/to/dst
    """
    source, target = place.absolute(src), place.absolute(dst)
    there = place.stat_of(host, source)
    if there.kind == "directory" and not recurse:
        raise Conflict(f"{src} is a directory", hint="recurse=True")
    into = host.stat(target)
    if there.kind == "file" and into is not None and into.kind == "directory":
        target = posixpath.join(target, posixpath.basename(source))
    if remove_existing:
        remove(host, target)
    copied(host, source, target, preserve=False)
    return True


def symlink(
    host: Host,
    src: str,
    path: str,
    force: bool = False,
    atomic: bool = False,
    follow_symlinks: bool = True,
) -> bool:
    """Make ``path`` a symbolic link to ``src``; what is no link there is replaced only with ``force``.

    Example:
        saltern run '*' file.symlink /path/to/file /path/to/link
    """
    there = host.stat(path, follow=False)
    if there is not None and there.kind == "link" and there.target != src and not (force or atomic):
        raise Conflict(f"{path} exists and points to {there.target}", hint="force=True")
    kept(host, Symlink(name=path, target=src, force=force or atomic))
    return True


def link(host: Host, src: str, path: str) -> bool:
    """Give the file ``src`` another name. Raises Conflict when something lies there.

    Example:
        saltern run '*' file.link /path/to/file /path/to/link
    """
    host.hard_link(place.absolute(path), place.absolute(src))
    return True


def mkdir(
    host: Host,
    dir_path: str,
    user: place.Account = None,
    group: place.Account = None,
    mode: place.Mode = None,
) -> bool:
    """Make a directory and what is missing above it, with owner and mode; one that is there is left alone.

    Example:
        saltern run '*' file.mkdir /opt/jetty/context
    """
    from saltern.library.file.directory import Directory

    if not host.exists(place.absolute(dir_path)):
        kept(host, Directory(name=dir_path, user=user, group=group, mode=mode, makedirs=True))
    return True


def makedirs(
    host: Host, path: str, user: place.Account = None, group: place.Account = None, mode: place.Mode = None
) -> str | None:
    """Make the directory that a path lies in: all up to its last slash.

    Example:
        saltern run '*' file.makedirs /opt/code/
    """
    folder = posixpath.dirname(path)
    if host.exists(folder):
        return f"Directory '{folder}' already exists"
    mkdir(host, folder, user, group, mode)
    return None


def makedirs_perms(
    host: Host,
    name: str,
    user: place.Account = None,
    group: place.Account = None,
    mode: place.Mode = "0755",
) -> bool:
    """Make a directory and what is missing above it, each with owner and mode.

    Example:
        saltern run '*' file.makedirs_perms /opt/code
    """
    return mkdir(host, name, user, group, mode)


def mknod(
    host: Host,
    name: str,
    ntype: Literal["p", "c", "b"],
    major: int = 0,
    minor: int = 0,
    user: place.Account = None,
    group: place.Account = None,
    mode: place.Mode = "0600",
) -> bool:
    """Make a named pipe (``p``), a character (``c``) or block (``b``) device.

    Example:
        saltern run '*' file.mknod /dev/chr c 180 31
    """
    kept(host, Mknod(name=name, ntype=ntype, major=major, minor=minor, user=user, group=group, mode=mode))
    return True


def mknod_chrdev(
    host: Host,
    name: str,
    major: int,
    minor: int,
    user: place.Account = None,
    group: place.Account = None,
    mode: place.Mode = "0660",
) -> bool:
    """Make a character device.

    Example:
        saltern run '*' file.mknod_chrdev /dev/chr 180 31
    """
    return mknod(host, name, "c", major, minor, user, group, mode)


def mknod_blkdev(
    host: Host,
    name: str,
    major: int,
    minor: int,
    user: place.Account = None,
    group: place.Account = None,
    mode: place.Mode = "0660",
) -> bool:
    """Make a block device.

    Example:
        saltern run '*' file.mknod_blkdev /dev/blk 8 999
    """
    return mknod(host, name, "b", major, minor, user, group, mode)


def mknod_fifo(
    host: Host,
    name: str,
    user: place.Account = None,
    group: place.Account = None,
    mode: place.Mode = "0660",
) -> bool:
    """Make a named pipe.

    Example:
        saltern run '*' file.mknod_fifo /dev/fifo
    """
    return mknod(host, name, "p", 0, 0, user, group, mode)


def set_mode(host: Host, path: str, mode: place.Mode) -> str:
    """Set the mode of a file and return it as it then is.

    Example:
        saltern run '*' file.set_mode /etc/passwd 0644
    """
    real = place.followed(host, place.absolute(path))
    bits = place.octal(mode)
    if bits is None:
        raise BadArgument("the mode is missing", hint="write 0644")
    host.set_mode(real, bits)
    return place.shown(place.stat_of(host, real).mode)


def chown(host: Host, path: str, user: place.Account, group: place.Account) -> None:
    """Set owner and group, behind links; an empty one is left as it is. Raises NotFound.

    Example:
        saltern run '*' file.chown /etc/passwd root root
    """
    lchown(host, place.followed(host, place.absolute(path)), user, group)


def lchown(host: Host, path: str, user: place.Account, group: place.Account) -> None:
    """Set owner and group of what lies at a path, a link itself. Raises NotFound.

    Example:
        saltern run '*' file.lchown /etc/mtab root root
    """
    wanted = place.wanted(host, user, group, None)
    host.set_owner(place.absolute(path), wanted.uid, wanted.gid)


def chgrp(host: Host, path: str, group: place.Account) -> None:
    """Set the group of a file, behind links. Raises NotFound.

    Example:
        saltern run '*' file.chgrp /etc/passwd root
    """
    chown(host, path, None, group)


def check_perms(
    host: Host,
    name: str,
    ret: dict[str, Any] | None = None,
    user: place.Account = None,
    group: place.Account = None,
    mode: place.Mode = None,
    attrs: str | None = None,
    follow_symlinks: bool = False,
) -> list[dict[str, Any]]:
    """See that a file has an owner, mode and attributes; return what was done, and what was there before.

    Example:
        saltern run '*' file.check_perms /etc/sudoers '{}' root root 400
    """
    path, there = place.found(host, place.absolute(name), follow_symlinks)
    if there is None:
        raise NotFound(f"{name} does not exist")
    before = {"luser": there.uid, "lgroup": there.gid, "lmode": place.shown(there.mode)}
    wanted = place.wanted(host, user, group, mode)
    changes = wanted.differs(there, user, group) | attributes.differ(host, path, attrs, None)
    wanted.give(host, path, there)
    attributes.give(host, path, attrs, None)
    done = ret or {"name": name, "changes": {}, "comment": [], "result": True}
    return [{**done, "changes": {**done.get("changes", {}), **changes}}, before]


def chattr(
    host: Host,
    *files: str,
    operator: Literal["add", "remove"] = "add",
    attributes: str,
    flags: str = "",
    version: str | None = None,
) -> bool:
    """Give attributes (letters of chattr(1)) to files, or take them. ``flags`` are options such as ``R``.

    Example:
        saltern run '*' file.chattr /etc/resolv.conf operator=add attributes=i
    """
    from saltern.library.file.attributes import SETTABLE

    wrong = [letter for letter in attributes if letter not in SETTABLE]
    if wrong or not attributes or any(not one.isalpha() for one in flags):
        raise BadArgument(f"attributes={attributes!r} flags={flags!r}: letters of chattr(1) are wanted")
    options = [f"-{flags}"] if flags else []
    options += ["-v", version] if version else []
    host.run("chattr", *options, f"{'+' if operator == 'add' else '-'}{attributes}", "--", *files)
    return True


def set_selinux_context(
    host: Host,
    path: str,
    user: str | None = None,
    role: str | None = None,
    type: str | None = None,
    range: str | None = None,
    persist: bool = False,
) -> str | bool:
    """Set parts of a file's SELinux context and return the context; false when no part is given.

    ``persist`` also writes it into the policy (``semanage fcontext``).

    Example:
        saltern run '*' file.set_selinux_context /srv/www type=httpd_sys_content_t
    """
    from saltern.library.file.look import get_selinux_context

    given = {"user": user, "role": role, "type": type, "range": range}
    parts = {name: value for name, value in given.items() if value}
    if not parts:
        return False
    if persist:
        host.run("semanage", "fcontext", "-a", *(["-t", type] if type else []), path)
    attributes.set_context(host, path, parts)
    return get_selinux_context(host, path)


def restorecon(host: Host, path: str, recursive: bool = False) -> bool:
    """Reset a file's SELinux context to what the policy says.

    Example:
        saltern run '*' file.restorecon /home/user/.ssh/authorized_keys
    """
    host.run("restorecon", *(["-FR"] if recursive else ["-F"]), "--", path)
    return True
