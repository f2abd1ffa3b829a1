"""``salt.utils.files``: files of this machine."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO, Any

LOCAL_PROTOS = ("", "file")
REMOTE_PROTOS = ("http", "https", "ftp", "swift", "s3")
VALID_PROTOS = ("salt", "file", *REMOTE_PROTOS)
HASHES = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}


def fopen(file: str | os.PathLike[str], mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:
    """Open a file, text as UTF-8."""
    if "b" not in mode and not args:
        kwargs.setdefault("encoding", "utf-8")
    found: IO[Any] = open(file, mode, *args, **kwargs)  # noqa: SIM115  the caller closes it
    return found


@contextlib.contextmanager
def flopen(file: str, *args: Any, **kwargs: Any) -> Iterator[IO[Any]]:
    """Open a file and hold its lock."""
    with fopen(file, *args, **kwargs) as opened:
        fcntl.flock(opened.fileno(), fcntl.LOCK_SH)
        try:
            yield opened
        finally:
            fcntl.flock(opened.fileno(), fcntl.LOCK_UN)


@contextlib.contextmanager
def fpopen(
    file: str, *args: Any, uid: int = -1, gid: int = -1, mode: int | None = None, **kwargs: Any
) -> Iterator[IO[Any]]:
    """Open a file, and give it an owner and a mode."""
    flags = args[0] if args else "r"
    with fopen(file, flags, *args[1:], **kwargs) as opened:
        os.fchown(opened.fileno(), uid, gid)
        if mode is not None:
            os.fchmod(opened.fileno(), mode)
        yield opened


def mkstemp(*args: str, **kwargs: Any) -> Any:
    """Make a file that only its owner can read; return its path, with ``close_fd=False`` both."""
    prefix, close = kwargs.pop("prefix", "__salt.tmp."), kwargs.pop("close_fd", True)
    named = dict(zip(("suffix", "prefix", "dir"), args, strict=False))
    descriptor, path = tempfile.mkstemp(**{"prefix": prefix, **named, **kwargs})
    if not close:
        return descriptor, path
    os.close(descriptor)
    return path


def copyfile(source: str, dest: str, backup_mode: str = "", cachedir: str = "") -> None:
    """Copy a file into the place of another in one step."""
    if not os.path.isfile(source):
        raise OSError(errno.ENOENT, "no such file", source)
    made = mkstemp(prefix=os.path.basename(dest), dir=os.path.dirname(dest) or ".")
    shutil.copyfile(source, made)
    there = os.stat(dest) if os.path.exists(dest) else None
    os.chmod(made, 0o644 if there is None else there.st_mode & 0o7777)
    if there is not None:
        os.chown(made, there.st_uid, there.st_gid)
    os.replace(made, dest)


def rename(src: str, dst: str) -> None:
    """Give a file another name; a file there is replaced."""
    os.replace(src, dst)


def remove(path: str) -> None:
    """Remove a file; nothing there is no error."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


safe_rm = remove


def rm_rf(path: str) -> None:
    """Remove a file, or a directory and all below it."""
    if os.path.islink(path) or not os.path.isdir(path):
        os.remove(path)
    else:
        shutil.rmtree(path)


def makedirs(path: str, mode: int = 0o755) -> None:
    """Make a directory and what is missing above it."""
    os.makedirs(path, mode, exist_ok=True)


def is_empty(filename: str) -> bool:
    """Tell whether a file is there and empty."""
    return os.path.isfile(filename) and os.path.getsize(filename) == 0


def is_binary(path: str) -> bool:
    """Tell whether a file holds what is no text."""
    return os.path.isfile(path) and not is_text(path)


def is_text(path: str, blocksize: int = 512) -> bool:
    """Tell whether a file begins with text."""
    try:
        with open(path, "rb") as opened:
            data = opened.read(blocksize)
    except OSError:
        return False
    return b"\0" not in data and _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start > len(data) - 4  # a character may be cut off at the end
    return True


def normalize_mode(mode: Any) -> str | None:
    """Return a mode as four octal digits, None for None."""
    return None if mode is None else str(mode).strip("\"'").replace("0o", "0").lstrip("0").zfill(4)


def human_size_to_bytes(human_size: str) -> int:
    """Return the number of bytes that ``5M`` means. Raises ValueError for what means none."""
    import re

    found = re.fullmatch(r"(\d+)([KMGTP]?)", human_size.strip().upper())
    if found is None:
        raise ValueError("a size is digits, with K, M, G, T or P after them")
    return int(found[1]) << 10 * (" KMGTP".index(found[2] or " "))


@contextlib.contextmanager
def set_umask(mask: int | None) -> Iterator[None]:
    """Have another umask."""
    if mask is None:
        yield
        return
    former = os.umask(mask)
    try:
        yield
    finally:
        os.umask(former)


def list_files(directory: str) -> list[str]:
    """Return a directory and all below it."""
    found = {directory}
    for root, directories, files in os.walk(directory):
        found.update(os.path.join(root, name) for name in [*directories, *files])
    return list(found)


def safe_filepath(file_path_name: str, dir_sep: str | None = None) -> str:
    """Return a path with nothing in its names that file systems refuse."""
    return "/".join(safe_filename_leaf(part) for part in file_path_name.split(dir_sep or os.sep))


def safe_filename_leaf(file_basename: str) -> str:
    """Return a name with nothing in it that file systems refuse."""
    import urllib.parse

    return "".join(urllib.parse.quote(one) if one in '\\/:*?"<>|' else one for one in file_basename)
