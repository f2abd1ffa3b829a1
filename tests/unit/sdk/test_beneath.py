"""Paths in directories that somebody else may write in."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from saltern.sdk import Conflict, NotFound, SalternError
from saltern.sdk.beneath import opened
from saltern.sdk.local import LocalHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files that are another's")
STRANGER = 12345


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A directory of a stranger's with a link ``d`` into one of ours."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    ours.mkdir()
    (ours / "passwd").write_text("ours")
    (ours / "empty").mkdir()
    (theirs / "d").symlink_to(ours)
    for path in (theirs, theirs / "d"):
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    return theirs


CHANGES: dict[str, Callable[[LocalHost, str], object]] = {
    "write": lambda host, d: host.write(f"{d}/passwd", b"theirs"),
    "make_directory": lambda host, d: host.make_directory(f"{d}/new"),
    "remove": lambda host, d: host.remove(f"{d}/passwd"),
    "remove_tree": lambda host, d: host.remove_tree(f"{d}/empty"),
    "link": lambda host, d: host.link(f"{d}/new", "x"),
    "hard_link": lambda host, d: host.hard_link(f"{d}/new", f"{d}/passwd"),
    "rename": lambda host, d: host.rename(f"{d}/passwd", f"{d}/new"),
    "make_node": lambda host, d: host.make_node(f"{d}/new", "pipe", 0o600),
    "set_mode": lambda host, d: host.set_mode(f"{d}/passwd", 0o666),
    "set_owner": lambda host, d: host.set_owner(f"{d}/passwd", STRANGER, None),
    "set_times": lambda host, d: host.set_times(f"{d}/passwd", 1, 1),
}


@AS_ROOT
@pytest.mark.parametrize("change", CHANGES)
def test_a_strangers_link_leads_nowhere(host: LocalHost, trap: Path, change: str) -> None:
    ours = trap.parent / "ours"
    before = (os.stat(ours / "passwd"), sorted(os.listdir(ours)))
    with pytest.raises(Conflict, match="a symbolic link, which is not followed here"):
        CHANGES[change](host, str(trap / "d"))
    after = os.stat(ours / "passwd")
    assert (ours / "passwd").read_text() == "ours"
    assert (after.st_mode, after.st_uid, after.st_mtime) == (before[0].st_mode, 0, before[0].st_mtime)
    assert sorted(os.listdir(ours)) == before[1]


@AS_ROOT
@pytest.mark.parametrize("change", CHANGES)
def test_into_their_own_directory_it_does(host: LocalHost, trap: Path, change: str) -> None:
    ours = trap.parent / "ours"
    os.chown(ours, STRANGER, STRANGER)
    CHANGES[change](host, str(trap / "d"))


@AS_ROOT
def test_a_strangers_link_in_place_of_the_file(host: LocalHost, trap: Path) -> None:
    (trap / "f").symlink_to(trap.parent / "ours/passwd")
    os.chown(trap / "f", STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(Conflict):
        host.write(str(trap / "f"), b"theirs")
    assert (trap.parent / "ours/passwd").read_text() == "ours"


def test_ones_own_links_are_followed(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "real/deep").mkdir(parents=True)
    (tmp_path / "l").symlink_to("real")
    (tmp_path / "m").symlink_to(tmp_path / "l/deep")
    host.write(str(tmp_path / "m/f"), b"x")
    assert (tmp_path / "real/deep/f").read_bytes() == b"x"
    with opened(str(tmp_path / "m")) as (_, name):
        assert name == "m"
    with opened(str(tmp_path / "m"), follow=True) as (directory, name):
        assert (name, os.stat(name, dir_fd=directory).st_ino) == (
            "deep",
            (tmp_path / "real/deep").stat().st_ino,
        )


def test_links_in_a_circle(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(Conflict):
        host.write(str(tmp_path / "a/f"), b"x")
    with pytest.raises(NotFound):
        host.write(str(tmp_path / "none/f"), b"x")


@AS_ROOT
def test_a_directory_that_is_swapped_for_a_link_all_the_time(host: LocalHost, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    (theirs / "d").mkdir(parents=True)
    ours.mkdir()
    (theirs / "trap").symlink_to(ours)
    for path in (theirs, theirs / "d", theirs / "trap"):
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    enough = threading.Event()

    def swap() -> None:
        while not enough.is_set():
            for first, then in (("d", "away"), ("trap", "d"), ("d", "trap"), ("away", "d")):
                with contextlib.suppress(OSError):
                    os.rename(theirs / first, theirs / then)

    thread = threading.Thread(target=swap)
    thread.start()
    written = 0
    try:
        for number in range(500):
            with contextlib.suppress(SalternError):
                host.write(str(theirs / f"d/f{number % 7}"), b"x", owner=host.user())
                written += 1
            with contextlib.suppress(SalternError):
                host.set_mode(str(theirs / "d"), 0o700)
    finally:
        enough.set()
        thread.join()
    assert written
    assert os.listdir(ours) == []
    assert ours.stat().st_mode & 0o777 != 0o700
