"""The record of a run: what each state did, and what was there before. It outlives a killed run.

A run's directory, private, holds ``run.json`` (who, when, what), ``steps.jsonl`` (a line when a state
begins to change something and when it ends), ``before.jsonl`` (a line for each path, written before its
first change), ``after.jsonl`` (what the run left at these paths), and ``content/`` (former contents, by
hash).
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from saltern.engine.encode import noted
from saltern.foundation import atomic
from saltern.sdk import Host, OutputTooLarge, Stat

#: Bytes of a former content that are kept; what is larger can't be brought back.
LARGEST_KEPT = 64 * 1024 * 1024


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Who made a run and what it was. ``started`` is seconds since the epoch, ``job`` an order's id."""

    run: str
    what: str
    started: float
    pid: int
    states: int = 0
    job: str = ""


class Former(msgspec.Struct, frozen=True, kw_only=True):
    """What lay at a path before the run's first change to it. ``content`` is the name of a kept content.

    ``stat`` is None when nothing lay there.
    """

    path: str
    stat: Stat | None
    content: str = ""
    lost: str = ""  # why the content is not kept


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What a run left at a path it had changed; ``digest`` is that of a file's content."""

    path: str
    kind: str = ""  # empty: nothing
    target: str = ""
    digest: str = ""


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``steps.jsonl``. ``event`` is ``begins``, ``ends`` or ``beyond`` (can't be undone)."""

    event: str
    key: str = ""
    what: str = ""
    result: bool | None = None
    changes: Mapping[str, Any] = {}
    comment: str = ""


class Journal:
    """Writes the record of one run; safe to use from several threads."""

    def __init__(self, directory: Path, head: Head) -> None:
        """Make the run's directory. Raises OSError."""
        self.directory = atomic.private_directory(directory / head.run)
        atomic.private_directory(self.directory / "content")
        atomic.write(self.directory / "run.json", msgspec.json.encode(head), durable=False)
        self._steps = _appending(self.directory / "steps.jsonl")
        self._former = _appending(self.directory / "before.jsonl")
        self._lock = threading.Lock()
        self._seen: set[str] = set()

    def begins(self, key: str) -> None:
        """Note that a state is about to change something."""
        self._note(Noted(event="begins", key=key))

    def ends(self, key: str, result: bool | None, changes: Mapping[str, Any], comment: str) -> None:
        """Note how a state ended."""
        self._note(Noted(event="ends", key=key, result=result, changes=changes, comment=comment))

    def beyond(self, key: str, what: str) -> None:
        """Note something that can't be undone."""
        self._note(Noted(event="beyond", key=key, what=what))

    def before(self, host: Host, path: str) -> None:
        """Keep what lies at ``path``, the first time it is asked to."""
        with self._lock:
            if path in self._seen:
                return
            self._seen.add(path)
            self._write(self._former, self._kept(host, path))

    def close(self, host: Host) -> None:
        """End the record with what lies at the changed paths now."""
        with _appending(self.directory / "after.jsonl") as file:
            for path in sorted(self._seen):
                self._write(file, left_at(host, path))
        self._steps.close()
        self._former.close()

    def _kept(self, host: Host, path: str) -> Former:
        found = host.stat(path, follow=False)
        if found is None or found.kind != "file":
            return Former(path=path, stat=found)
        try:
            data = host.read(path, LARGEST_KEPT)
        except OutputTooLarge:
            return Former(path=path, stat=found, lost=f"it was larger than {LARGEST_KEPT} bytes")
        name = hashlib.sha256(data).hexdigest()
        if not (self.directory / "content" / name).exists():
            atomic.write(self.directory / "content" / name, data, durable=False)
        return Former(path=path, stat=found, content=name)

    def _note(self, noted: Noted) -> None:
        with self._lock:
            self._write(self._steps, noted)

    @staticmethod
    def _write(file: IO[bytes], record: msgspec.Struct) -> None:
        file.write(noted(record) + b"\n")
        file.flush()


def left_at(host: Host, path: str) -> Left:
    """Return what lies at a path now."""
    found = host.stat(path, follow=False)
    if found is None:
        return Left(path=path)
    digest = ""
    if found.kind == "file" and found.size <= LARGEST_KEPT:
        digest = hashlib.sha256(host.read(path)).hexdigest()
    return Left(path=path, kind=found.kind, target=found.target, digest=digest)


def read_lines(path: Path, kind: type[Any]) -> Sequence[Any]:
    """Return a journal file's records; a last line cut short by a kill is left out."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = data[: data.rfind(b"\n") + 1]
    return [msgspec.json.decode(line, type=kind) for line in whole.splitlines()]


def runs(directory: Path) -> list[Head]:
    """Return the runs recorded in ``directory``, the latest first."""
    found = [msgspec.json.decode(path.read_bytes(), type=Head) for path in directory.glob("*/run.json")]
    return sorted(found, key=lambda head: (head.started, head.run), reverse=True)


def _appending(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    return os.fdopen(descriptor, "ab")
