"""Files read and written in pieces, on this machine and through the doors of a state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.engine.door import PLAIN, Door, Looking, Mending
from saltern.sdk import Conflict, NotFound
from saltern.sdk.local import LocalHost
from saltern.testing.host import FakeHost


def breaking() -> Iterator[bytes]:
    yield b"half"
    raise RuntimeError("the source has gone")


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    host, path = LocalHost(), tmp_path / "x"
    host.pour(str(path), (b"one ", b"two"), 0o640)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one two", 0o640)
    with pytest.raises(RuntimeError):
        host.pour(str(path), breaking())
    assert path.read_bytes() == b"one two"
    assert os.listdir(tmp_path) == ["x"]


def test_reading_in_pieces(tmp_path: Path) -> None:
    host = LocalHost()
    (tmp_path / "x").write_bytes(b"content")
    with host.open(str(tmp_path / "x")) as file:
        assert (file.read(3), file.read()) == (b"con", b"tent")
    with pytest.raises(NotFound):
        host.open(str(tmp_path / "gone"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Conflict, match="a pipe, not a file"):
        host.open(str(tmp_path / "pipe"))


def test_through_doors() -> None:
    host = FakeHost(files={"/x": "old"})
    noted: list[str] = []
    with Looking(host).open("/x") as file:
        assert file.read() == b"old"
    with pytest.raises(Conflict, match="may only look"):
        Looking(host).pour("/x", (b"new",))
    Mending(host, PLAIN, None, noted.append, lambda _: None).pour("/x", (b"n", b"ew"))
    assert (host.read("/x"), noted) == (b"new", ["/x"])
    Door(host).pour("/y", (b"y",))
    assert host.read("/y") == b"y"
