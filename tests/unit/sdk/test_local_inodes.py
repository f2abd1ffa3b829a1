"""Links, modes, owners, times, groups and the environment on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.sdk import Conflict, NotFound
from saltern.sdk.local import LocalHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


def test_a_link_replaces_what_is_no_directory(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "link"
    for before in ("nothing", "a file", "a link"):
        if before == "a file":
            path.unlink()
            path.write_text("x")
        host.link(str(path), before)
        assert os.readlink(path) == before
    assert [one.name for one in tmp_path.iterdir()] == ["link"]


def test_a_link_does_not_replace_a_directory(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with pytest.raises(Conflict, match="a directory"):
        host.link(str(tmp_path / "d"), "x")
    assert [one.name for one in tmp_path.iterdir()] == ["d"]


def test_a_mode_is_set_on_the_thing_itself(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "f").chmod(0)
    host.set_mode(str(tmp_path / "f"), 0o4750)
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o4750
    (tmp_path / "l").symlink_to("f")
    with pytest.raises(Conflict, match="not followed here"):
        host.set_mode(str(tmp_path / "l"), 0o777)
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o4750
    with pytest.raises(NotFound):
        host.set_mode(str(tmp_path / "none"), 0o600)


@AS_ROOT
def test_an_owner_is_that_of_the_link(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to("f")
    host.set_owner(str(tmp_path / "l"), 12345, None)
    assert ((tmp_path / "l").lstat().st_uid, (tmp_path / "f").stat().st_uid) == (12345, 0)
    host.set_owner(str(tmp_path / "f"), None, 54321)
    assert ((tmp_path / "f").stat().st_uid, (tmp_path / "f").stat().st_gid) == (0, 54321)


@AS_ROOT
def test_a_file_has_its_owner_before_it_has_content(host: LocalHost, tmp_path: Path) -> None:
    """Written anew it stays whose it was, set-user-id bit included."""
    (tmp_path / "f").write_text("x")
    os.chown(tmp_path / "f", 12345, 54321)
    (tmp_path / "f").chmod(0o4755)
    host.write(str(tmp_path / "f"), b"new")
    found = (tmp_path / "f").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (12345, 54321, 0o4755)


def test_a_tree_goes_and_what_its_links_lead_to_stays(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/f").write_text("x")
    (tmp_path / "d/deep").mkdir(parents=True)
    (tmp_path / "d/deep/l").symlink_to(tmp_path / "kept")
    host.remove_tree(str(tmp_path / "d"))
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept/f").read_text() == "x"


def test_times(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    host.set_times(str(tmp_path / "f"), 5.0, 7.0)
    found = host.stat(str(tmp_path / "f"))
    assert found is not None
    assert (found.accessed, found.modified) == (5.0, 7.0)


def test_a_group(host: LocalHost) -> None:
    name = host.group(os.getegid()).name
    assert host.group(name).gid == os.getegid()
    with pytest.raises(NotFound, match="no group 'nobody-has-this'"):
        host.group("nobody-has-this")


def test_the_environment(host: LocalHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SALTERN_TEST", raising=False)
    host.set_environment("SALTERN_TEST", "x")
    assert host.run("sh", "-c", "echo $SALTERN_TEST") == "x\n"
    host.set_environment("SALTERN_TEST", None)
    assert "SALTERN_TEST" not in os.environ
    assert "SALTERN_TEST" not in host.environment


def test_a_file_that_says_it_is_empty_is_read_all_the_same(host: LocalHost) -> None:
    assert b"processor" in host.read("/proc/cpuinfo")
