"""The controllers' files as they lie on this agent: private, each under its SHA-256, bounded in room."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from saltern.foundation import atomic

#: Seconds for which a file that was used is not removed to make room: it may be in use still.
_IN_USE = 3600.0
#: Seconds after which the use of a file is noted anew.
_NOTED = 600.0
#: A sweep leaves so much of the room taken.
_LEAVE = 0.8
#: Bytes of a file that are read at once to check it.
_CHECKED = 1024 * 1024


class Cache:
    """The directory. The loop writes to it, jobs read; a name is a SHA-256 in hexadecimal."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._blobs = directory / "blobs"
        self._parts = directory / "parts"

    def prepare(self) -> None:
        """Make the directories. Raises OSError."""
        for directory in (self.directory, self._blobs, self._parts):
            atomic.private_directory(directory)

    def path(self, name: str) -> Path:
        """Return where a file is, or would be."""
        return self._blobs / name[:2] / name

    def has(self, name: str, size: int) -> bool:
        """Tell whether a file is there, and note that it is used."""
        path = self.path(name)
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        if status.st_size != size:
            path.unlink(missing_ok=True)
            return False
        if time.time() - status.st_mtime > _NOTED:
            with contextlib.suppress(FileNotFoundError):
                os.utime(path)
        return True

    def read(self, name: str, size: int) -> bytes | None:
        """Return a file's content, None when it is not there; a damaged one is removed."""
        if not self.has(name, size):
            return None
        path = self.path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(data).hexdigest() == name:
            return data
        path.unlink(missing_ok=True)
        return None

    def is_sound(self, name: str, size: int) -> bool:
        """Tell whether a file is there as it must be.

        A small one is read for that. A large one was on the disk before it got its name.
        """
        return self.has(name, size) if size > _CHECKED else self.read(name, size) is not None

    def put(self, name: str, data: bytes) -> None:
        """Keep a small content that was found to be right. Raises OSError."""
        part = self.part(name)
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(file, "wb", buffering=0) as stream:
            stream.write(data)
        self.finish(name)

    # --- large files, in parts -----------------------------------------------------------------------

    def part(self, name: str) -> Path:
        """Return where what has come of a file is gathered."""
        return self._parts / name

    def finish(self, name: str) -> None:
        """Take a file whose parts are all there, and right. Raises OSError."""
        path = self.path(name)
        try:
            os.replace(self.part(name), path)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            os.replace(self.part(name), path)

    # --- room ----------------------------------------------------------------------------------------

    def sweep(self, limit: int) -> int:
        """Remove what was not used for longest when all take more than ``limit`` bytes; return how many."""
        now = time.time()
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        removed = 0
        for used, size, path in files if total > limit else ():
            if total <= limit * _LEAVE or now - used < _IN_USE:
                break
            path.unlink(missing_ok=True)
            total -= size
            removed += 1
        return removed

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for directory in (self._parts, *self._blobs.iterdir()):
            for path in directory.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    yield status.st_mtime, status.st_size, path
