"""Returns on disk."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from saltern.agent import spool as module
from saltern.agent.spool import CHUNK, INLINE, Spool
from saltern.foundation.errors import BadMessage, NotFound, Unavailable
from saltern.messages.v1 import Error, Return
from saltern.model.ids import JobId
from saltern.model.status import Status

JID = JobId("20260101000000000000")
OTHER = JobId("20260101000000000001")
OK = Return(verdict=Status.OK)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_small_data_travels_in_the_return(spool: Spool) -> None:
    written = spool.write(JID, OK, b'"hello"')
    assert spool.read(JID) == written
    assert (written.data, written.blob) == (b'"hello"', None)
    assert spool.jids() == [JID]


def test_large_data_travels_apart(spool: Spool) -> None:
    data = os.urandom(2 * CHUNK + 1)
    spool.write(JID, OK, data)
    found = spool.read(JID)
    assert found.data == b""
    assert found.blob is not None
    assert (found.blob.chunks, found.blob.size) == (3, len(data))
    assert found.blob.sha256 == hashlib.sha256(data).digest()
    pieces = list(spool.chunks(JID))
    assert b"".join(pieces) == data
    assert len(pieces) == found.blob.chunks


@pytest.mark.parametrize("size", [0, 1, INLINE, INLINE + 1, CHUNK, 4 * CHUNK])
def test_the_count_of_chunks_is_that_announced(spool: Spool, size: int) -> None:
    spool.write(JID, OK, b"x" * size)
    found = spool.read(JID)
    if found.blob is None:
        assert len(found.data) == size
    else:
        assert len(list(spool.chunks(JID))) == found.blob.chunks


def test_files_are_private(spool: Spool) -> None:
    old = os.umask(0)
    try:
        spool.set_aside(OTHER)
        spool.write(JID, OK, b"x" * (INLINE + 1))
    finally:
        os.umask(old)
    assert spool.directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in spool.directory.iterdir()} == {0o600}


def test_removing_leaves_nothing(spool: Spool) -> None:
    spool.set_aside(JID)
    spool.note_cancel(JID, "alice")
    assert spool.cancelled_by(JID) == "alice"
    spool.write(JID, OK, b"x" * (INLINE + 1))
    spool.remove(JID)
    assert os.listdir(spool.directory) == []
    with pytest.raises(NotFound):
        spool.read(JID)
    spool.remove(JID)


def test_a_damaged_return_is_an_error(spool: Spool) -> None:
    (spool.directory / f"{JID}.return").write_bytes(b"\x01\xff\xff")
    with pytest.raises(BadMessage):
        spool.read(JID)


@pytest.mark.parametrize("jid", ["../../etc/passwd", "", "2026", "2" * 21, "2" * 19 + "/"])
def test_only_job_ids_become_paths(spool: Spool, jid: str) -> None:
    with pytest.raises(ValueError, match="not a job id"):
        spool.has(JobId(jid))


def test_sweeping_spares_the_busy_and_the_finished(spool: Spool) -> None:
    finished, busy, dead = (JobId(f"{number:020d}") for number in range(3))
    for jid in (finished, busy, dead):
        spool.set_aside(jid)
    spool.write(finished, OK)
    (spool.directory / ".leftover.123").write_text("")
    spool.sweep({busy})
    assert sorted(os.listdir(spool.directory)) == [f"{finished}.return", f"{busy}.room"]


def full(descriptor: int, data: bytes | memoryview) -> int:
    """Write as a disk does on which only the space set aside is left."""
    if os.lseek(descriptor, 0, os.SEEK_CUR) + len(data) > module.ROOM:
        raise OSError(errno.ENOSPC, "No space left on device")
    return _write(descriptor, data)


_write = os.write


@pytest.mark.parametrize("size", [module.ROOM + 1, INLINE + 1])
def test_data_that_does_not_fit_is_an_error_not_a_loss(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    spool.set_aside(JID)
    monkeypatch.setattr(os, "write", full)
    spool.write(JID, OK, b"x" * size)
    found = spool.read(JID)
    assert found.verdict is Status.FAILED
    assert found.retcode == 1
    assert found.error is not None
    assert found.error.kind == "spool_full"
    assert str(size) in found.error.message
    assert os.listdir(spool.directory) == [f"{JID}.return"]


def test_a_failure_keeps_its_verdict_and_words(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.set_aside(JID)
    monkeypatch.setattr(os, "write", full)
    result = Return(verdict=Status.FAILED, retcode=7, error=Error(kind="x", message="why" * 9999))
    spool.write(JID, result)
    found = spool.read(JID)
    assert (found.verdict, found.retcode) == (Status.FAILED, 7)
    assert found.error is not None
    assert found.error.detail.startswith("why")


def test_no_room_is_said_before_the_job_runs(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(Unavailable, match="No space left"):
        spool.set_aside(JID)
    assert os.listdir(spool.directory) == []
