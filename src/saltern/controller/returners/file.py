"""Returns as lines of JSON in a file, which is rotated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from saltern.controller.returners.base import Common, Delivery, Kind, Thread
from saltern.foundation.errors import SettingsError, Unavailable


class File(Common, frozen=True, kw_only=True):
    """Settings of the kind ``file``."""

    path: str  # absolute; its directory must exist
    max_bytes: int = 100 * 1024 * 1024  # a file that is larger is rotated: path.1 is the last
    files: int = 5  # rotated files that are kept; 0: never rotate here (logrotate may)


class FileReturner:
    """Appends to ``path`` and waits for the disk. Whoever moves the file away is followed."""

    def __init__(self, settings: File) -> None:
        if not Path(settings.path).is_absolute():
            raise SettingsError(f"`path` must be absolute, not {settings.path!r}")
        self.address = settings.path
        self._settings = settings
        self._path = Path(settings.path)
        self._thread = Thread("file")

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Append a line for each."""
        await self._thread.run(self._append, batch)

    async def close(self) -> None:
        """Begin nothing more."""
        self._thread.end()

    def _append(self, batch: Sequence[Delivery]) -> None:
        data = b"".join(one.json() + b"\n" for one in batch)
        try:
            self._rotate()
            descriptor = os.open(
                self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            try:
                _write(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unavailable(f"{error.strerror}: {self._path}", hint="see its directory and disk") from error

    def _rotate(self) -> None:
        if not self._settings.files or not self._path.exists():
            return
        if self._path.stat().st_size < self._settings.max_bytes:
            return
        for number in range(self._settings.files, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it and flush, or none. Half a line that a crash left is ended first."""
    before = os.fstat(descriptor).st_size
    if before and os.pread(descriptor, 1, before - 1) != b"\n":
        data = b"\n" + data
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, before)
        raise


KIND = Kind(File, FileReturner)
