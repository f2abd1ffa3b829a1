"""Links, modes, owners and times on this machine, without following a link that somebody put there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat


def link(path: str, target: str) -> None:
    """Make ``path`` a symbolic link in one step. Raises OSError; a directory there is refused."""
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{secrets.token_hex(6)}")
    os.symlink(target, temporary)
    try:
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def set_mode(path: str, mode: int) -> None:
    """Set permission bits. Raises OSError; a link is refused."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
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
        os.rename(path, to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(path, to)


def make_node(path: str, kind: str, mode: int, device: tuple[int, int]) -> None:
    """Make a named pipe, or a device: ``character`` or ``block``. Raises OSError."""
    kinds = {"pipe": stat.S_IFIFO, "character": stat.S_IFCHR, "block": stat.S_IFBLK}
    os.mknod(path, kinds[kind], os.makedev(*device))
    set_mode(path, mode)


def remove_tree(path: str) -> None:
    """Remove a directory and all below it, links not followed. Raises OSError."""
    import shutil

    shutil.rmtree(path)
