"""What the kernel refuses, as errors that name what it is about."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from saltern.sdk.errors import Conflict, NotAllowed, NotFound, SalternError, Unavailable

_MEANINGS: dict[int, tuple[type[SalternError], str]] = {
    errno.ENOENT: (NotFound, "no such file or directory"),
    errno.ENOTDIR: (NotFound, "a part of the path is not a directory"),
    errno.ESRCH: (NotFound, "the process has ended"),
    errno.EACCES: (NotAllowed, "permission denied"),
    errno.EPERM: (NotAllowed, "not permitted"),
    errno.ELOOP: (Conflict, "a symbolic link, which is not followed here"),
    errno.EEXIST: (Conflict, "something is there already"),
    errno.EISDIR: (Conflict, "a directory, not a file"),
    errno.ENOTEMPTY: (Conflict, "the directory is not empty"),
    errno.ENXIO: (Conflict, "a socket or a pipe, not a file"),
    errno.ENOEXEC: (Conflict, "not a program the kernel can run (is its first line #!…?)"),
    errno.ENOSPC: (Unavailable, "the disk is full"),
    errno.EROFS: (Unavailable, "the file system is read-only"),
}


@contextmanager
def named_errors(subject: str, directory: str | None = None) -> Iterator[None]:
    """Turn an OSError into the error that names what it is about."""
    try:
        yield
    except OSError as error:
        kind, meaning = _MEANINGS.get(error.errno or 0, (Unavailable, error.strerror or str(error)))
        named = directory if directory is not None and error.filename == directory else subject
        raise kind(f"{named}: {meaning}") from error
    except ValueError as error:  # a NUL in a path or an argument
        raise Conflict(f"{subject!r}: {error}") from error
