"""Files are whole or absent, and private from the first byte."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from saltern.foundation import atomic


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        atomic.write(tmp_path / "secret", b"x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "secret") == 0o600


def test_it_has_its_mode_before_it_has_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    really = os.write

    def write(descriptor: int, data: bytes) -> int:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return really(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    atomic.write(tmp_path / "f", b"x", mode=0o640)
    assert seen == [0o640]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: really(descriptor, data[:3]))
    atomic.write(tmp_path / "f", b"0123456789")
    assert (tmp_path / "f").read_bytes() == b"0123456789"


def test_a_full_disk_leaves_the_old_content_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    atomic.write(tmp_path / "f", b"old")

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        atomic.write(tmp_path / "f", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"untouched")
    (tmp_path / "f").symlink_to(tmp_path / "elsewhere")
    atomic.write(tmp_path / "f", b"new")
    assert (tmp_path / "elsewhere").read_bytes() == b"untouched"
    assert not (tmp_path / "f").is_symlink()


def test_a_directory_is_made_private_and_kept_so(tmp_path: Path) -> None:
    path = atomic.private_directory(tmp_path / "a/b")
    assert mode(path) == 0o700
    path.chmod(0o755)
    assert mode(atomic.private_directory(path)) == 0o700
