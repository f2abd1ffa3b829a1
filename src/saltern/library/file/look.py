"""Functions that look: what lies at a path, what it holds, and whose it is."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from typing import Any, Literal

from saltern.library._command import Options, execute
from saltern.library.file import attributes, place
from saltern.sdk import BadArgument, Command, Conflict, Host, NotFound, Stat

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
    there = _there(host, path, follow_symlinks)
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
        found["sum"] = get_hash(host, path, hash_type)
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
    return _there(host, path, follow_symlinks).uid


def get_gid(host: Host, path: str, follow_symlinks: bool = True) -> int:
    """Return the id of a file's group. Raises NotFound.

    Example:
        saltern run '*' file.get_gid /etc/passwd
    """
    return _there(host, path, follow_symlinks).gid


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
    _there(host, path, follow=False)
    return {path: sorted(attributes.attributes(host, path) or "")}


def get_selinux_context(host: Host, path: str) -> str:
    """Return a file's SELinux context, ``user:role:type:range``; a word that there is none.

    Example:
        saltern run '*' file.get_selinux_context /etc/hosts
    """
    found = attributes.context(host, path)
    return ":".join(found.values()) if found else f"No selinux context information is available for {path}"


def _there(host: Host, path: str, follow: bool) -> Stat:
    there = host.stat(path, follow=follow)
    if there is None:
        raise NotFound(f"{path}: no such file or directory")
    return there


# --- what it holds ---------------------------------------------------------------------------------------


def read(host: Host, path: str, binary: bool = False) -> str | bytes:
    """Return what a file holds; as bytes with ``binary``. Raises NotFound, NotAllowed, OutputTooLarge.

    Example:
        saltern run '*' file.read /etc/hostname
    """
    data = host.read(path)
    return data if binary else place.decoded(data).encode(errors="replace").decode()


def readdir(host: Host, path: str) -> list[str]:
    """Return the names in a directory, with ``.`` and ``..``. Raises NotFound.

    Example:
        saltern run '*' file.readdir /etc/apt
    """
    return [".", "..", *host.list_directory(path)]


def readlink(host: Host, path: str, canonicalize: bool = False) -> str:
    """Return where a link points, as written; with ``canonicalize`` where it leads in the end.

    Raises Conflict for what is no link.

    Example:
        saltern run '*' file.readlink /etc/mtab
    """
    there = _there(host, path, follow=False)
    if there.kind != "link":
        raise Conflict(f"{path}: a {there.kind}, not a link")
    return host.real_path(path) if canonicalize else there.target


def seek_read(host: Host, path: str, size: int, offset: int) -> str:
    """Return as many bytes of a file, from an offset on, as text.

    Example:
        saltern run '*' file.seek_read /etc/hosts 10 0
    """
    return host.read(path)[offset : offset + size].decode(errors="replace")


def get_hash(host: Host, path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """Return a hash of a file, in hexadecimal. ``chunk_size`` is accepted as Salt has it.

    Example:
        saltern run '*' file.get_hash /etc/passwd sha512
    """
    return place.digest(form, host.read(path))


def get_sum(host: Host, path: str, form: str = "sha256") -> str:
    """Return a hash of a file; a word for a path at which none lies.

    Example:
        saltern run '*' file.get_sum /etc/passwd
    """
    return get_hash(host, path, form) if file_exists(host, path) else "File not found"


def check_hash(host: Host, path: str, file_hash: str) -> bool:
    """Tell whether a file has a hash: its digits, or ``kind=digits`` (or ``kind:digits``).

    Example:
        saltern run '*' file.check_hash /etc/motd md5:d41d8cd98f00b204e9800998ecf8427e
    """
    from saltern.library.file.origin import inline

    found = inline(file_hash.replace(":", "="))
    if found is None:
        raise BadArgument(f"file_hash = {file_hash!r} is no hash", hint="write sha256=<64 digits>")
    return found.fits(host.read(path))


def contains(host: Host, path: str, text: str) -> bool:
    """Tell whether a line of a file has a text in it, white space at its ends aside.

    Example:
        saltern run '*' file.contains /etc/crontab mymaintenance.sh
    """
    wanted = str(text).strip()
    return any(wanted in line for line in _lines(host, path))


def contains_regex(host: Host, path: str, regex: str, lchar: str = "") -> bool:
    """Tell whether a regular expression matches in a line of a file; ``lchar`` is taken from its left first.

    Example:
        saltern run '*' file.contains_regex /etc/crontab '^root'
    """
    found = re.compile(place.expression(regex))
    return any(found.search(line.lstrip(lchar) if lchar else line) for line in _lines(host, path))


def contains_glob(host: Host, path: str, glob_expr: str) -> bool:
    """Tell whether a glob matches a line of a file.

    Example:
        saltern run '*' file.contains_glob /etc/foobar '*cheese*'
    """
    return any(fnmatch.fnmatchcase(line, glob_expr) for line in _lines(host, path))


def _lines(host: Host, path: str) -> list[str]:
    return place.decoded(host.read(path)).splitlines() if file_exists(host, path) else []


def search(
    host: Host,
    path: str,
    pattern: str,
    flags: int | str | list[str] = 8,
    bufsize: int | str = 1,
    ignore_if_missing: bool = False,
    multiline: bool = False,
) -> bool:
    """Tell whether a regular expression matches in a file.

    Example:
        saltern run '*' file.search /etc/crontab 'mymaintenance.sh'
    """
    from saltern.library.file.edit import Replace

    if ignore_if_missing and not host.exists(path):
        return False
    replace = Replace(name=path, pattern=pattern, repl="", flags=flags)
    return replace.expression().search(place.decoded(host.read(path))) is not None


def grep(host: Host, path: str, pattern: str, *opts: str) -> dict[str, Any]:
    """Look for a pattern with the program grep; return ``{pid, retcode, stdout, stderr}``.

    ``path`` may be a glob.

    Example:
        saltern run '*' file.grep /etc/passwd nobody -- -i
    """
    options = [one for one in opts if one != "--"]
    words = ["grep", *options, "-e", pattern, "--", *(globbed(host, path) or [path])]
    return execute(host, words, None, Options(ignore_retcode=True))


def diskusage(host: Host, path: str) -> int:
    """Return how many bytes a file, or all files below a directory, hold; links are not followed.

    Example:
        saltern run '*' file.diskusage /var/log
    """
    there = host.stat(path, follow=False)
    if there is None:
        return 0
    if there.kind != "directory":
        return there.size
    return sum(diskusage(host, f"{path}/{name}") for name in host.list_directory(path))


def open_files(host: Host, by_pid: bool = False) -> dict[str, list[str]]:
    """Return the files that processes have open, each with their ids; with ``by_pid`` the other way round.

    Example:
        saltern run '*' file.open_files
    """
    files: dict[str, list[str]] = {}
    pids: dict[str, list[str]] = {}
    for pid in filter(str.isdigit, host.list_directory("/proc")):
        for path in _open_in(host, pid):
            files.setdefault(path, []).append(pid)
            pids.setdefault(pid, []).append(path)
    return pids if by_pid else files


def _open_in(host: Host, pid: str) -> list[str]:
    from saltern.sdk import NotAllowed

    try:
        names = host.list_directory(f"/proc/{pid}/fd")
    except (NotFound, NotAllowed):  # it has ended, or is somebody else's
        return []
    there = (host.stat(f"/proc/{pid}/fd/{name}", follow=False) for name in names)
    return sorted({one.target for one in there if one is not None and one.target.startswith("/")})


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
