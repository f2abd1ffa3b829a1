"""Links, modes, owners and times on this machine, without following a link that somebody put there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat

from saltern.sdk.beneath import opened


def link(path: str, target: str) -> None:
    """Make ``path`` a symbolic link in one step. Raises OSError; a directory there is refused."""
    with opened(path) as (directory, name):
        temporary = f".{name[:50]}.{secrets.token_hex(6)}"
        os.symlink(target, temporary, dir_fd=directory)
        try:
            os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)
            raise


def hard_link(path: str, target: str) -> None:
    """Make ``path`` another name of a file. Raises OSError."""
    with opened(path) as (directory, name), opened(target) as (source, file):
        os.link(file, name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)


def make_directory(path: str, mode: int) -> None:
    """Make a directory and what is missing above it. Raises OSError."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above != path and not os.path.isdir(above):
        make_directory(above, 0o777)
    with opened(path) as (directory, name):
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=directory)
            return
    if not os.path.isdir(path):
        raise FileExistsError(errno.EEXIST, "something is there already", path)


def remove(path: str) -> None:
    """Remove a file, a link or an empty directory; nothing there is no error. Raises OSError."""
    try:
        with opened(path) as (directory, name):
            there = os.stat(name, dir_fd=directory, follow_symlinks=False)
            (os.rmdir if stat.S_ISDIR(there.st_mode) else os.unlink)(name, dir_fd=directory)
    except (FileNotFoundError, NotADirectoryError):
        return


def set_owner(path: str, uid: int, gid: int) -> None:
    """Set owner and group, -1 leaves one alone; of a link itself. Raises OSError."""
    with opened(path) as (directory, name):
        os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)


def set_times(path: str, accessed: float, modified: float) -> None:
    """Set times: seconds since the epoch. Raises OSError."""
    with opened(path, follow=True) as (directory, name):
        os.utime(name, (accessed, modified), dir_fd=directory, follow_symlinks=False)


def set_mode(path: str, mode: int) -> None:
    """Set permission bits. Raises OSError; a link is refused."""
    with opened(path) as (directory, name):
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            raise OSError(errno.ELOOP, "a link, which has no mode of its own", path)
        os.chmod(f"/proc/self/fd/{descriptor}", mode)
    finally:
        os.close(descriptor)


def rename(path: str, to: str) -> None:
    """Give something another name. Raises OSError."""
    import shutil

    try:
        with opened(path) as (here, name), opened(to) as (there, new):
            os.rename(name, new, src_dir_fd=here, dst_dir_fd=there)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(path, to)


def make_node(path: str, kind: str, mode: int, device: tuple[int, int]) -> None:
    """Make a named pipe, or a device: ``character`` or ``block``. Raises OSError."""
    kinds = {"pipe": stat.S_IFIFO, "character": stat.S_IFCHR, "block": stat.S_IFBLK}
    with opened(path) as (directory, name):
        os.mknod(name, kinds[kind] | mode, os.makedev(*device), dir_fd=directory)
    set_mode(path, mode)


def remove_tree(path: str) -> None:
    """Remove a directory and all below it, links not followed. Raises OSError."""
    import shutil

    with opened(path) as (directory, name):
        shutil.rmtree(name, dir_fd=directory)
