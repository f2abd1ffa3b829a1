"""Archives unpacked on this machine: every format, hostile ones, and what hypothesis makes up."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.library.archive.entries import Entry, chosen, leads_out
from saltern.library.archive.options import Rules
from saltern.library.archive.states import Extracted
from saltern.sdk import Conflict
from saltern.sdk.local import LocalHost
from saltern.testing.real_states import kept, once

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    return LocalHost(data=str(tmp_path / "data"))


def member(name: str, **about: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.mtime = 1_600_000_000
    for field, value in about.items():
        setattr(made, field, value)
    return made


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for about, content in members:
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return path


def directory(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, mode=mode), b""


def file(name: str, content: bytes = b"x", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, mode=mode), content


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.SYMTYPE, linkname=target), b""


def hard(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.LNKTYPE, linkname=target), b""


PLAIN = (
    directory("app", 0o750),
    file("app/run", b"#!/bin/sh\n", 0o755),
    file("app/a b\u00e9\n'", b"odd"),
    link("app/way", "run"),
    hard("app/again", "app/run"),
    file("app/deep/er/x", b""),
)


def extracted(tmp_path: Path, archive: Path, **options: Any) -> Extracted:
    return Extracted(**{"name": str(tmp_path / "to"), "source": str(archive), **options})


COMPRESSED = {
    "x.tar": None,
    "x.tar.gz": "gz",
    "x.tgz": "gz",
    "x.tar.bz2": "bz2",
    "x.tar.xz": "xz",
    "x.tar.zst": ["zstd", "-q"],
    "x.tar.lz4": ["lz4", "-q"],
    "x.tar.lzma": ["lzma", "-k"],
    "named-otherwise": "gz",
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_every_compression(host: LocalHost, tmp_path: Path, name: str) -> None:
    how, path = COMPRESSED[name], tmp_path / name
    if isinstance(how, list):
        if shutil.which(how[0]) is None:
            pytest.skip(f"the program {how[0]} is not on this machine")
        plain = tar(tmp_path / "plain.tar", *PLAIN)
        path.write_bytes(subprocess.run([*how, "-c", str(plain)], check=True, capture_output=True).stdout)
    else:
        tar(path, *PLAIN, mode=f"w:{how}" if how else "w")
    done = kept(host, extracted(tmp_path, path), tmp_path)
    to = tmp_path / "to/app"
    assert len(done.changes["extracted_files"]) == 5
    assert done.changes["directories_created"] == [str(tmp_path / "to")]
    assert (to / "run").read_bytes() == b"#!/bin/sh\n"
    assert stat.S_IMODE(to.stat().st_mode) == 0o750
    assert stat.S_IMODE((to / "run").stat().st_mode) == 0o755
    assert (to / "run").stat().st_mtime == 1_600_000_000
    assert os.readlink(to / "way") == "run"
    assert (to / "again").samefile(to / "run")
    assert (to / "deep/er/x").read_bytes() == b""


def packed(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        about = zipfile.ZipInfo("app/run", (2020, 1, 1, 0, 0, 0))
        about.external_attr = 0o100755 << 16
        archive.writestr(about, b"run")
        way = zipfile.ZipInfo("app/way")
        way.external_attr = 0o120777 << 16
        archive.writestr(way, "run")
        archive.writestr("app/plain", b"plain")
    return path


def test_zip(host: LocalHost, tmp_path: Path) -> None:
    kept(host, extracted(tmp_path, packed(tmp_path / "x.zip")), tmp_path)
    to = tmp_path / "to/app"
    assert stat.S_IMODE((to / "run").stat().st_mode) == 0o755
    assert os.readlink(to / "way") == "run"
    assert (to / "plain").read_bytes() == b"plain"


@pytest.mark.skipif(shutil.which("zip") is None, reason="the program zip is not on this machine")
def test_an_encrypted_zip(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/x").write_text("secret")
    path = tmp_path / "x.zip"
    subprocess.run(["zip", "-qrP", "hunter2", path, "app"], check=True, cwd=tmp_path)
    refused = once(host, extracted(tmp_path, path), tmp_path)
    assert (refused.result, "encrypted" in refused.comment) == (False, True)
    wrong = once(host, extracted(tmp_path, path, password="other"), tmp_path)
    assert wrong.result is False
    kept(host, extracted(tmp_path, path, password="hunter2"), tmp_path)
    assert (tmp_path / "to/app/x").read_text() == "secret"


def test_options(host: LocalHost, tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", *PLAIN)
    kept(host, extracted(tmp_path, path, options="xvf --strip-components=1 --exclude=deep"), tmp_path)
    assert sorted(os.listdir(tmp_path / "to")) == ["a b\u00e9\n'", "again", "run", "way"]
    refused = once(host, extracted(tmp_path, path, options="--to-command=x"), tmp_path)
    assert "is not served" in refused.comment


def test_one_thing_at_the_top(host: LocalHost, tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", file("a"), file("b/c"))
    refused = once(host, extracted(tmp_path, path), tmp_path)
    assert (refused.result, "enforce_toplevel" in refused.comment) == (False, True)
    kept(host, extracted(tmp_path, path, enforce_toplevel=False), tmp_path)


def test_overwrite_mends_what_was_changed(host: LocalHost, tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", *PLAIN)
    kept(host, extracted(tmp_path, path), tmp_path)
    run = tmp_path / "to/app/run"
    run.write_bytes(b"#!/bin/ba\n")
    assert not kept(host, extracted(tmp_path, path), tmp_path).changes
    assert kept(host, extracted(tmp_path, path, overwrite=True), tmp_path).changes
    assert run.read_bytes() == b"#!/bin/sh\n"


def test_clean_and_force(host: LocalHost, tmp_path: Path) -> None:
    path, to = tar(tmp_path / "x.tar", *PLAIN), tmp_path / "to"
    (to / "app/run").mkdir(parents=True)
    (to / "app/old").write_text("")
    (to / "other").write_text("")
    refused = once(host, extracted(tmp_path, path), tmp_path)
    assert "incorrect type" in refused.comment
    kept(host, extracted(tmp_path, path, force=True), tmp_path)
    assert (to / "app/old").exists()
    (to / "app/way").unlink()
    done = kept(host, extracted(tmp_path, path, clean=True), tmp_path)
    assert done.changes["removed"] == [str(to / "app")]
    assert not (to / "app/old").exists()
    assert (to / "other").exists()
    (to / "app/way").unlink()
    kept(host, extracted(tmp_path, path, clean_parent=True), tmp_path)
    assert os.listdir(to) == ["app"]


def test_a_hash_that_has_changed(host: LocalHost, tmp_path: Path) -> None:
    import hashlib

    path = tar(tmp_path / "x.tar", file("app/x", b"one"))

    def state(**options: Any) -> Extracted:
        sum_ = hashlib.sha256(path.read_bytes()).hexdigest()
        return extracted(tmp_path, path, source_hash=sum_, **options)

    kept(host, state(), tmp_path)
    tar(path, file("app/x", b"two"))
    assert not kept(host, state(), tmp_path).changes
    assert kept(host, state(source_hash_update=True), tmp_path).changes
    assert (tmp_path / "to/app/x").read_bytes() == b"two"
    wrong = once(host, extracted(tmp_path, path, source_hash="0" * 64), tmp_path)
    assert (wrong.result, "correct source_hash" in wrong.comment) == (False, True)


@AS_ROOT
def test_owners(host: LocalHost, tmp_path: Path) -> None:
    import pwd

    path = tar(tmp_path / "x.tar", (member("app/x", uid=12345, gid=12346), b"x"))
    kept(host, extracted(tmp_path, path), tmp_path)
    there = (tmp_path / "to/app/x").stat()
    assert (there.st_uid, there.st_gid) == (12345, 12346)
    done = kept(host, extracted(tmp_path, path, user="nobody"), tmp_path)
    assert done.changes == {"updated ownership": True}
    assert (tmp_path / "to/app/x").stat().st_uid == pwd.getpwnam("nobody").pw_uid


@AS_ROOT
def test_what_only_those_get_who_ask(host: LocalHost, tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", file("app/su", mode=0o6755))
    kept(host, extracted(tmp_path, path), tmp_path)
    assert stat.S_IMODE((tmp_path / "to/app/su").stat().st_mode) == 0o755
    device = (member("app/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), b"")
    path = tar(tmp_path / "y.tar", file("app/su", mode=0o4755), device)
    refused = once(host, extracted(tmp_path, path, name=str(tmp_path / "two")), tmp_path)
    assert (refused.result, "a device" in refused.comment) == (False, True)
    kept(host, extracted(tmp_path, path, name=str(tmp_path / "two"), options="-p"), tmp_path)
    assert stat.S_IMODE((tmp_path / "two/app/su").stat().st_mode) == 0o4755
    assert stat.S_ISCHR((tmp_path / "two/app/null").stat().st_mode)


HOSTILE = {
    "up": [file("app/../../evil")],
    "a link and through it": [link("app/way", "/tmp"), file("app/way/evil")],
    "a link out": [link("app/way", "../../out")],
    "an absolute link": [link("app/way", "/etc/passwd")],
    "a chain of links": [link("app/a", "b/.."), link("app/b", "."), link("app/c", "a/../..")],
    "a loop": [link("app/a", "b"), link("app/b", "a")],
    "another name of what is outside": [hard("app/x", "/etc/passwd")],
    "another name of a link": [link("app/way", "x"), hard("app/x", "app/way")],
    "a pipe": [(member("app/p", type=tarfile.FIFOTYPE), b"")],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(host: LocalHost, tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = tar(tmp_path / "x.tar", *HOSTILE[name])
    refused = once(host, extracted(inside, path), tmp_path)
    assert refused.result is False, refused
    assert "can't be" not in refused.comment
    assert not (inside / "to").exists()
    assert not (tmp_path / "evil").exists()


def test_an_absolute_path_lands_below(host: LocalHost, tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", file("/app/x"))
    kept(host, extracted(tmp_path, path), tmp_path)
    assert (tmp_path / "to/app/x").exists()


def test_a_link_that_was_there_is_not_gone_through(host: LocalHost, tmp_path: Path) -> None:
    path, outside = tar(tmp_path / "x.tar", file("app/x"), file("app/y")), tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "to/app").symlink_to(outside)
    refused = once(host, extracted(tmp_path, path), tmp_path)
    assert (refused.result, "incorrect type" in refused.comment) == (False, True)
    kept(host, extracted(tmp_path, path, force=True), tmp_path)
    assert os.listdir(outside) == []


def test_bombs(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    tar(path, file("app/x", bytes(3_000_000)), mode="w:gz")
    refused = once(host, extracted(tmp_path, path, max_size=1_000_000), tmp_path)
    assert (refused.result, "max_size" in refused.comment) == (False, True)
    kept(host, extracted(tmp_path, path), tmp_path)
    huge = member("x", type=tarfile.XHDTYPE, size=1 << 40)
    (tmp_path / "y.tar").write_bytes(huge.tobuf() + bytes(1024))
    refused = once(host, extracted(tmp_path, tmp_path / "y.tar"), tmp_path)
    assert (refused.result, "header" in refused.comment) == (False, True)


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.tar.xz", "x.zip"])
def test_what_is_no_archive(host: LocalHost, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x1f\x8b\x08 no archive" if "gz" in name else b"this is no archive" * 60)
    refused = once(host, extracted(tmp_path, tmp_path / name), tmp_path)
    assert (refused.result, "can't be unpacked" in refused.comment) == (False, True)


def test_one_that_was_cut_off(host: LocalHost, tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar.gz", file("app/x", os.urandom(100_000)), mode="w:gz")
    path.write_bytes(path.read_bytes()[:50_000])
    refused = once(host, extracted(tmp_path, path), tmp_path)
    assert (refused.result, "can't be unpacked" in refused.comment) == (False, True)
    assert not (tmp_path / "to/app/x").exists()


NAMES = st.sampled_from(["a", "b", "..", ".", "", "a/b", "a/..", "b/../..", "/a", "a/b/c", "../a"])
MEMBERS = st.one_of(
    st.tuples(NAMES, NAMES).map(lambda one: file("/".join(one))),
    st.tuples(NAMES, NAMES).map(lambda one: link("/".join(one), one[1])),
    st.tuples(NAMES, NAMES).map(lambda one: link("/".join(one), "/".join(reversed(one)))),
    st.tuples(NAMES, NAMES).map(lambda one: hard("/".join(one), one[0])),
    NAMES.map(directory),
)


@settings(max_examples=150, deadline=None)
@given(members=st.lists(MEMBERS, max_size=6), strip=st.integers(0, 2))
def test_nothing_ever_leaves_the_directory(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[tarfile.TarInfo, bytes]], strip: int
) -> None:
    top = tmp_path_factory.mktemp("archive")
    host = LocalHost(data=str(top / "data"))
    path = tar(top / "x.tar", *members)
    (top / "one/two").mkdir(parents=True)
    state = extracted(
        top / "one/two", path, enforce_toplevel=False, options=f"--strip-components={strip}", force=True
    )
    once(host, state, top / "one")
    assert os.listdir(top / "one") == ["two"]
    assert set(os.listdir(top / "one/two")) <= {"to"}
    inside = os.path.realpath(top / "one/two/to")
    for one in (top / "one/two").rglob("*"):
        if one.is_symlink():
            assert f"{os.path.realpath(one)}/".startswith(f"{inside}/"), (one, os.readlink(one))


@given(st.lists(st.tuples(NAMES, NAMES), max_size=5))
def test_links_lead_out_or_they_do_not(pairs: list[tuple[str, str]]) -> None:
    entries = {
        f"l{number}": Entry(path=f"l{number}", kind="link", target="/".join(pair))
        for number, pair in enumerate(pairs)
    }
    for entry in entries.values():
        assert leads_out(entry, entries) in (True, False)
    if any(leads_out(entry, entries) for entry in entries.values()):
        with pytest.raises(Conflict):
            chosen(entries.values(), Rules())
