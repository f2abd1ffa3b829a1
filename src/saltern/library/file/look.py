"""Functions that look: what lies at a path, what it holds, and whose it is."""

from __future__ import annotations

import fnmatch
import posixpath
from typing import Any, Literal

from saltern.library.file import attributes, place
from saltern.sdk import Command, Host, NotFound, Stat

_TYPES = {"file": "file", "directory": "dir", "link": "link", "pipe": "pipe", "socket": "socket"}


def file_exists(host: Host, path: str) -> bool:
    """Tell whether a file lies at a path, behind links.

    Example:
        saltern run '*' file.file_exists /etc/passwd
    """
    return _kind(host, path) == "file"


def directory_exists(host: Host, path: str) -> bool:
    """Tell whether a directory lies at a path, behind links.

    Example:
        saltern run '*' file.directory_exists /etc
    """
    return _kind(host, path) == "directory"


def path_exists_glob(host: Host, path: str) -> bool:
    """Tell whether there is a path that a glob matches.

    Example:
        saltern run '*' file.path_exists_glob '/etc/pam*'
    """
    return bool(globbed(host, path))


def globbed(host: Host, pattern: str) -> list[str]:
    """Return the paths that a glob (``*``, ``?``, ``[…]`` within names) matches, sorted."""
    folder, name = posixpath.split(pattern.rstrip("/"))
    if not name:
        return ["/"]
    found = []
    for one in globbed(host, folder) if any(sign in folder for sign in "*?[") else [folder or "/"]:
        if _kind(host, one) == "directory":
            names = fnmatch.filter(host.list_directory(one), name)
            found += [posixpath.join(one, one_name) for one_name in names if _is_shown(one_name, name)]
    return sorted(found)


def _is_shown(name: str, pattern: str) -> bool:
    return not name.startswith(".") or pattern.startswith(".")


def is_link(host: Host, path: str, nostat: bool = False) -> bool:
    """Tell whether a symbolic link lies at a path. ``nostat`` is accepted as Salt has it.

    Example:
        saltern run '*' file.is_link /etc/mtab
    """
    return _kind(host, path, follow=False) == "link"


def is_hardlink(host: Host, path: str) -> bool:
    """Tell whether a file has more than one name.

    Example:
        saltern run '*' file.is_hardlink /etc/hosts
    """
    there = host.stat(path, follow=False)
    return there is not None and there.kind == "file" and there.links > 1


def is_fifo(host: Host, name: str) -> bool:
    """Tell whether a named pipe lies at a path.

    Example:
        saltern run '*' file.is_fifo /run/initctl
    """
    return _kind(host, name) == "pipe"


def is_blkdev(host: Host, name: str) -> bool:
    """Tell whether a block device lies at a path.

    Example:
        saltern run '*' file.is_blkdev /dev/sda
    """
    there = host.stat(name)
    return there is not None and there.kind == "device" and there.block


def is_chrdev(host: Host, name: str) -> bool:
    """Tell whether a character device lies at a path.

    Example:
        saltern run '*' file.is_chrdev /dev/null
    """
    there = host.stat(name)
    return there is not None and there.kind == "device" and not there.block


def get_devmm(host: Host, name: str) -> list[int]:
    """Return the major and minor number of a device; zeros for what is none.

    Example:
        saltern run '*' file.get_devmm /dev/null
    """
    there = host.stat(name)
    return list(there.device) if there is not None and there.kind == "device" else [0, 0]


def _kind(host: Host, path: str, follow: bool = True) -> str:
    there = host.stat(path, follow=follow)
    return "" if there is None else there.kind


# --- what it is ----------------------------------------------------------------------------------------


def stats(
    host: Host, path: str, hash_type: str | None = None, follow_symlinks: bool = True
) -> dict[str, Any]:
    """Return what is known of a path: ids and names of its owner, times, size, mode, type, target.

    Times are seconds since the epoch, ``size`` bytes. ``hash_type`` adds ``sum``. Raises NotFound.

    Example:
        saltern run '*' file.stats /etc/passwd hash_type=sha256
    """
    there = found_at(host, path, follow_symlinks)
    found = {
        "inode": there.inode,
        "uid": there.uid,
        "gid": there.gid,
        "group": gid_to_group(host, there.gid),
        "user": uid_to_user(host, there.uid),
        "atime": there.accessed,
        "mtime": there.modified,
        "ctime": there.changed,
        "size": there.size,
        "mode": place.shown(there.mode),
        "type": _type(there),
        "target": host.real_path(path),
    }
    if hash_type and there.kind == "file":
        found["sum"] = place.digest(hash_type, host.read(path))
    return found


def _type(there: Stat) -> str:
    if there.kind == "device":
        return "block" if there.block else "char"
    return _TYPES[there.kind]


def lstat(host: Host, path: str) -> dict[str, Any]:
    """Return what lstat(2) says of a path, a link as itself; nothing where nothing lies.

    Example:
        saltern run '*' file.lstat /etc/mtab
    """
    there = host.stat(path, follow=False)
    if there is None:
        return {}
    return {
        "st_atime": there.accessed,
        "st_ctime": there.changed,
        "st_gid": there.gid,
        "st_mode": there.mode,
        "st_mtime": there.modified,
        "st_nlink": there.links,
        "st_size": there.size,
        "st_uid": there.uid,
    }


def statvfs(host: Host, path: str) -> dict[str, int]:
    """Return the numbers of the file system a path lies on: sizes in blocks of ``f_frsize`` bytes.

    Example:
        saltern run '*' file.statvfs /var
    """
    names = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_ffree", "f_files", "f_frsize", "f_namemax")
    numbers = host.run("stat", "-f", "-c", "%a %f %b %s %d %c %S %l", "--", path).split()
    return dict(zip(names, map(int, numbers), strict=True))


def get_mode(host: Host, path: str, follow_symlinks: bool = True) -> str:
    """Return the mode of what lies at a path, as ``0644``; nothing where nothing lies.

    Example:
        saltern run '*' file.get_mode /etc/passwd
    """
    there = host.stat(path, follow=follow_symlinks)
    return "" if there is None else place.shown(there.mode)


def get_uid(host: Host, path: str, follow_symlinks: bool = True) -> int:
    """Return the id of a file's owner. Raises NotFound.

    Example:
        saltern run '*' file.get_uid /etc/passwd
    """
    return found_at(host, path, follow_symlinks).uid


def get_gid(host: Host, path: str, follow_symlinks: bool = True) -> int:
    """Return the id of a file's group. Raises NotFound.

    Example:
        saltern run '*' file.get_gid /etc/passwd
    """
    return found_at(host, path, follow_symlinks).gid


def get_user(host: Host, path: str, follow_symlinks: bool = True) -> str:
    """Return the name of a file's owner, or the id of one who has none. Raises NotFound.

    Example:
        saltern run '*' file.get_user /etc/passwd
    """
    return uid_to_user(host, get_uid(host, path, follow_symlinks))


def get_group(host: Host, path: str, follow_symlinks: bool = True) -> str:
    """Return the name of a file's group, or the id of one that has none. Raises NotFound.

    Example:
        saltern run '*' file.get_group /etc/passwd
    """
    return gid_to_group(host, get_gid(host, path, follow_symlinks))


def uid_to_user(host: Host, uid: int) -> str:
    """Return the name of an account, or its id as text where it has none.

    Example:
        saltern run '*' file.uid_to_user 0
    """
    try:
        return host.user(uid).name
    except NotFound:
        return str(uid)


def gid_to_group(host: Host, gid: int) -> str:
    """Return the name of a group, or its id as text where it has none.

    Example:
        saltern run '*' file.gid_to_group 0
    """
    try:
        return host.group(gid).name
    except NotFound:
        return str(gid)


def user_to_uid(host: Host, user: str) -> int:
    """Return the id of an account. Raises NotFound.

    Example:
        saltern run '*' file.user_to_uid root
    """
    return host.user(user).uid


def group_to_gid(host: Host, group: str) -> int:
    """Return the id of a group. Raises NotFound.

    Example:
        saltern run '*' file.group_to_gid root
    """
    return host.group(group).gid


def access(host: Host, path: str, mode: Literal["f", "r", "w", "x"]) -> bool:
    """Tell whether a path is there (``f``) and may be read (``r``), written (``w``) or run (``x``).

    Example:
        saltern run '*' file.access /etc/shadow r
    """
    if mode == "f":
        return host.exists(path)
    return host.execute(Command(argv=("test", f"-{mode}", path))).retcode == 0


def lsattr(host: Host, path: str) -> dict[str, list[str]]:
    """Return the attributes of a file by its path, as letters (see chattr(1)). Raises NotSupported.

    Example:
        saltern run '*' file.lsattr /etc/passwd
    """
    found_at(host, path, follow=False)
    return {path: sorted(attributes.attributes(host, path) or "")}


def get_selinux_context(host: Host, path: str) -> str:
    """Return a file's SELinux context, ``user:role:type:range``; a word that there is none.

    Example:
        saltern run '*' file.get_selinux_context /etc/hosts
    """
    found = attributes.context(host, path)
    return ":".join(found.values()) if found else f"No selinux context information is available for {path}"


def found_at(host: Host, path: str, follow: bool) -> Stat:
    """Return what lies at a path. Raises NotFound."""
    there = host.stat(path, follow=follow)
    if there is None:
        raise NotFound(f"{path}: no such file or directory")
    return there


# --- paths as text -------------------------------------------------------------------------------------


def basename(host: Host, path: str) -> str:
    """Return the last part of a path.

    Example:
        saltern run '*' file.basename /etc/ssh/sshd_config
    """
    return posixpath.basename(path)


def dirname(host: Host, path: str) -> str:
    """Return a path without its last part.

    Example:
        saltern run '*' file.dirname /etc/ssh/sshd_config
    """
    return posixpath.dirname(path)


def join(host: Host, *args: str) -> str:
    """Return paths put together; one that is absolute begins anew.

    Example:
        saltern run '*' file.join / usr local bin
    """
    return posixpath.join(*args) if args else ""


def normpath(host: Host, path: str) -> str:
    """Return a path without ``.``, ``..`` and doubled slashes; links are not looked at.

    Example:
        saltern run '*' file.normpath /a/../b//c
    """
    return posixpath.normpath(path)


def pardir(host: Host) -> str:
    """Return the name of the directory above: two dots.

    Example:
        saltern run '*' file.pardir
    """
    return ".."
