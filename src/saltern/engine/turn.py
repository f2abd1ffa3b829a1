"""One run at a time on a machine: a second one is refused by the name of the first, or waits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from saltern.engine.journal import Head
from saltern.foundation import atomic
from saltern.sdk import Conflict


@contextmanager
def turn(directory: Path, head: Head, *, queue: bool = False) -> Iterator[None]:
    """Hold the machine's turn to be changed. Raises Conflict that names the run which has it.

    With ``queue`` it is waited for. The kernel takes it back when the process ends, however it ends.
    """
    import fcntl

    path = atomic.private_directory(directory) / "turn"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if queue:
            fcntl.flock(file, fcntl.LOCK_EX)
        else:
            _take(file, fcntl.LOCK_EX)
        os.ftruncate(file, 0)
        os.pwrite(file, msgspec.json.encode(head), 0)
        yield
        os.ftruncate(file, 0)
    finally:
        os.close(file)


@contextmanager
def glance(directory: Path) -> Iterator[None]:
    """Look while nobody changes the machine; writes nothing. Raises Conflict that names the run at work."""
    import fcntl

    try:
        file = os.open(directory / "turn", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield
        return
    try:
        _take(file, fcntl.LOCK_SH)
        yield
    finally:
        os.close(file)


def holder(directory: Path) -> Head | None:
    """Return the run that has the turn now; None when nobody does."""
    try:
        with glance(directory):
            return None
    except Busy as error:
        return error.head


class Busy(Conflict):
    """Another run has the turn. ``head`` is that run, as far as it has introduced itself."""

    code = "busy"

    def __init__(self, head: Head | None) -> None:
        named = f"{head.what} (run {head.run}, process {head.pid})" if head else "another run"
        super().__init__(
            f"{named} is changing this machine", hint="wait for it, or let this one wait: queue=True"
        )
        self.head = head


def _take(file: int, how: int) -> None:
    import fcntl

    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy(_read(file)) from None


def _read(file: int) -> Head | None:
    data = os.pread(file, 4096, 0)
    return msgspec.json.decode(data, type=Head) if data.endswith(b"}") else None
