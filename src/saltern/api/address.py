"""The Unix socket's address, however long its path: the kernel's own limit is 107 bytes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 107


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """Give a name for ``path`` that fits into a socket address; valid inside the ``with`` only.

    Raises OSError when the directory cannot be entered.
    """
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
