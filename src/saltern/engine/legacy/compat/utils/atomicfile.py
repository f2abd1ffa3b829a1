"""``salt.utils.atomicfile``: a file that replaces another when it is complete."""

from __future__ import annotations

import os
import tempfile
from types import TracebackType
from typing import IO, Any, Self


class _AtomicWFile:
    """A file under another name, which gets its own when it is closed."""

    def __init__(self, temporary: IO[Any], filename: str) -> None:
        self._temporary = temporary
        self._filename = filename

    def __getattr__(self, name: str) -> Any:
        return getattr(self._temporary, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        self._temporary.close()
        os.remove(self._temporary.name)

    def close(self) -> None:
        """Put the file in its place."""
        if self._temporary.closed:
            return
        self._temporary.close()
        if os.path.exists(self._filename):
            status = os.stat(self._filename)
            os.chmod(self._temporary.name, status.st_mode & 0o7777)
            os.chown(self._temporary.name, status.st_uid, status.st_gid)
        os.replace(self._temporary.name, self._filename)


def atomic_open(filename: str, mode: str = "w") -> _AtomicWFile:
    """Open a file that takes the place of ``filename`` when it is closed."""
    if mode not in ("w", "wb"):
        raise ValueError("atomic_open writes whole files: mode w or wb")
    directory = os.path.dirname(filename) or "."
    made = tempfile.NamedTemporaryFile(mode, dir=directory, delete=False)  # noqa: SIM115  closed by its user
    return _AtomicWFile(made, filename)


def atomic_rename(src: str, dst: str) -> None:
    """Give a file another name; a file there is replaced."""
    os.replace(src, dst)
