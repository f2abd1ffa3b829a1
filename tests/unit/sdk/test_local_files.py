"""Files on this machine, for real."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from saltern.sdk import Conflict, Host, NotAllowed, NotFound, OutputTooLarge
from saltern.sdk.local import LocalHost
from saltern.testing.host import FakeHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


@pytest.fixture(params=["local", "fake"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Host, str]:
    """A host and an empty directory there: what holds for the real one holds for the fake."""
    if request.param == "local":
        return LocalHost(), str(tmp_path)
    return FakeHost(directories=["/t"]), "/t"


def test_write_and_read(either: tuple[Host, str]) -> None:
    host, root = either
    host.write(f"{root}/a", b"one", mode=0o640)
    host.write(f"{root}/a", b"two")
    found = host.stat(f"{root}/a")
    assert host.read(f"{root}/a") == b"two"
    assert found is not None
    assert (found.kind, found.mode, found.size) == ("file", 0o640, 3)


def test_text_with_a_default(either: tuple[Host, str]) -> None:
    host, root = either
    assert host.text(f"{root}/none", "x") == "x"
    with pytest.raises(NotFound, match="none"):
        host.text(f"{root}/none")


def test_nothing_there(either: tuple[Host, str]) -> None:
    host, root = either
    assert host.stat(f"{root}/none") is None
    assert host.stat(f"{root}/none/deeper") is None
    assert not host.exists(f"{root}/none")
    host.remove(f"{root}/none")
    with pytest.raises(NotFound):
        host.list_directory(f"{root}/none")
    with pytest.raises(NotFound):
        host.write(f"{root}/none/file", b"")


def test_a_directory_is_no_file(either: tuple[Host, str]) -> None:
    host, root = either
    host.make_directory(f"{root}/d/e")
    host.make_directory(f"{root}/d/e")
    assert host.list_directory(f"{root}/d") == ["e"]
    with pytest.raises(Conflict):
        host.read(f"{root}/d")
    with pytest.raises(Conflict):
        host.write(f"{root}/d", b"")
    with pytest.raises(Conflict, match="not empty"):
        host.remove(f"{root}/d")
    host.remove(f"{root}/d/e")
    host.remove(f"{root}/d")
    assert not host.exists(f"{root}/d")


def test_too_large(either: tuple[Host, str]) -> None:
    host, root = either
    host.write(f"{root}/a", b"12345")
    assert host.read(f"{root}/a", limit=5) == b"12345"
    with pytest.raises(OutputTooLarge, match="more than 4 bytes"):
        host.read(f"{root}/a", limit=4)


def test_a_locked_place(either: tuple[Host, str]) -> None:
    host, root = either
    with host.lock(f"{root}/.lock"):
        assert host.exists(root)
    with pytest.raises(NotFound), host.lock(f"{root}/none/.lock"):
        pass


def test_writing_through_a_link_keeps_the_link(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    host.write(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    found = host.stat(str(tmp_path / "link"), follow=False)
    assert found is not None
    assert (found.kind, found.target) == ("link", "real")


def test_a_fake_follows_links_too() -> None:
    host = FakeHost(files={"/real/file": "x", "/a": {"link": "real"}, "/loop": {"link": "loop"}})
    assert host.read("/a/file") == b"x"
    with pytest.raises(Exception, match="too many links"):
        host.read("/loop")


@pytest.mark.timeout(30)
def test_a_pipe_is_refused_and_not_waited_for(host: LocalHost, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Conflict, match="a pipe, not a file"):
        host.read(str(tmp_path / "pipe"))
    with pytest.raises(Conflict, match="a pipe, not a file"):
        host.write(str(tmp_path / "pipe"), b"")
    with pytest.raises(Conflict, match="a device, not a file"):
        host.read("/dev/zero")


def test_the_kernels_tables_are_files(host: LocalHost) -> None:
    assert host.text("/proc/self/status").startswith("Name:")


def test_a_nul_in_a_path(host: LocalHost) -> None:
    with pytest.raises(Conflict, match="null"):
        host.read("/etc/a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_not_permitted(host: LocalHost) -> None:
    with pytest.raises(NotAllowed, match="permission denied"):
        host.read("/etc/shadow")


@AS_ROOT
def test_owner_and_group(host: LocalHost, tmp_path: Path) -> None:
    nobody = host.user("nobody")
    path = tmp_path / "a"
    host.write(str(path), b"x", mode=0o600, owner=nobody)
    assert (path.stat().st_uid, path.stat().st_gid) == (nobody.uid, nobody.gid)
    host.write(str(path), b"y")
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (nobody.uid, 0o600)


def test_a_lock_lets_one_in_at_a_time(host: LocalHost, tmp_path: Path) -> None:
    path, inside, most = str(tmp_path / ".lock"), [0], [0]

    def work() -> None:
        with LocalHost().lock(path):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_users(host: LocalHost) -> None:
    assert host.user("root").uid == 0
    assert host.user(0).name == "root"
    assert host.user().uid == os.geteuid()
    with pytest.raises(NotFound, match="saltern-ghost"):
        host.user("saltern-ghost")


def test_interfaces(host: LocalHost) -> None:
    loopback = next(one for one in host.interfaces() if one.name == "lo")
    assert "127.0.0.1" in [address.address for address in loopback.addresses]
    assert next(one.prefix for one in loopback.addresses if one.address == "127.0.0.1") == 8


def test_uname_and_time(host: LocalHost) -> None:
    assert host.uname().system == "Linux"
    before = host.steady()
    host.sleep(0.001)
    assert host.steady() > before
    assert host.now() > 1_700_000_000


def test_grains_are_collected_once_and_anew_when_forgotten() -> None:
    calls = []

    def collect() -> dict[str, int]:
        calls.append(1)
        return {"count": len(calls)}

    host = LocalHost(grains=collect)
    assert (host.grains["count"], host.grains["count"]) == (1, 1)
    host.forget_grains()
    assert host.grains["count"] == 2
