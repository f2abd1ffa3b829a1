"""Where the audit log ended last, kept outside the database: who cuts entries off cannot change it too."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from saltern.foundation.atomic import private_directory, sync_directory
from saltern.foundation.errors import Conflict

if TYPE_CHECKING:
    from pathlib import Path

_LINE = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")


class Head(NamedTuple):
    """An entry of the audit log: its number and its hash. The log before its first entry is (0, 64 zeros)."""

    seq: int
    hash: str


EMPTY = Head(0, "0" * 64)


class Anchor:
    """One line in a private file (0600), written in place: always the same length, within one disk sector.

    It is not flushed at every entry: after a power cut it may be a little behind the log, which is allowed,
    and never ahead of it, which is not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.parent.exists():
            private_directory(path.parent)
        fresh = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.fchmod(self._file, 0o600)
        if fresh:
            sync_directory(path.parent)
        self._known: Head | None = None

    def read(self) -> Head | None:
        """Return where the log ended; None when nothing was ever anchored here. Raises Conflict."""
        if self._known is None:
            content = os.pread(self._file, 200, 0)
            if not content:
                return None
            self._known = self._parsed(content)
        return self._known

    def _parsed(self, content: bytes) -> Head:
        match = _LINE.fullmatch(content)
        if match is None:
            raise Conflict(
                "the anchor of the audit log is damaged",
                where=str(self._path),
                hint="restore it from a back-up; or remove it and start the controller: the log will say so",
            )
        return Head(int(match[1]), match[2].decode())

    def move(self, head: Head) -> None:
        """Record that the log now ends at ``head``."""
        os.pwrite(self._file, f"{head.seq:020d} {head.hash}\n".encode(), 0)
        self._known = head

    def close(self) -> None:
        """Flush and close the file."""
        os.fsync(self._file)
        os.close(self._file)
