"""``saltern cp``: files of one machine, whole and alike on many."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from saltern.model.manifest import PIECE
from saltern.model.status import Status
from saltern.testing.intruder import as_controller
from saltern.testing.site import Site
from saltern.transport import streams

pytestmark = pytest.mark.integration
LIMIT = 150 * 1024 * 1024


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("sent"), files={"upload_bytes": LIMIT}) as made:
        made.add("a", "b", "c")
        yield made


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """A directory of the machine that all agents are on; each is sent something else, or all the same."""
    directory = tmp_path / "dest"
    directory.mkdir()
    return directory


def results(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


def test_100_megabytes_to_three_agents_with_little_memory(site: Site, dest: Path) -> None:
    data = os.urandom(1024 * 1024) * 100
    source = dest / "large"
    source.write_bytes(data)
    source.chmod(0o751)
    processes = {"controller": site.controller.pid} | {name: one.loop for name, one in site.agents.items()}
    before = {name: site.controller.memory(pid) for name, pid in processes.items()}
    copies = [dest / f"{name}.copy" for name in site.agents]
    for name, copy in zip(site.agents, copies, strict=True):
        done = site.saltern("cp", str(source), name, str(copy), "--json")
        assert done.returncode == 0, done.stderr
        assert results(done)[name]["data"] == {str(copy): True}
    for copy in copies:
        assert hashlib.sha256(copy.read_bytes()).digest() == hashlib.sha256(data).digest()
        assert copy.stat().st_mode & 0o777 == 0o751
    grown = {name: site.controller.memory(pid) - before[name] for name, pid in processes.items()}
    assert max(grown.values()) < 60 * 1024 * 1024, grown
    assert list((site.controller.layout.controller / "files").glob("tmp*")) == []


def test_more_than_is_kept_at_once_is_refused(site: Site, dest: Path) -> None:
    (dest / "second").write_bytes(bytes(LIMIT // 2))
    done = site.saltern("cp", str(dest / "second"), "a", str(dest / "copy"))
    assert "is too much: 104857600 of 157286400 bytes are taken" in done.stderr
    source = dest / "sparse"
    with source.open("wb") as file:
        file.truncate(LIMIT + 1)
    done = site.saltern("cp", str(source), "*", str(dest / "copy"))
    assert done.returncode == 8
    assert "is too much" in done.stderr
    assert "files.upload_bytes" in done.stderr
    assert not (dest / "copy").exists()


def test_a_tree_with_names_of_all_kinds(site: Site, dest: Path) -> None:
    names = [
        "plain",
        "with space",
        "new\nline",
        "-rf",
        "$(touch x)",
        "ü",
        "..hidden",
        "{{ 1 }}",
        "%2e%2e",
        "\x1b[31m",
    ]
    tree = dest / "tree"
    (tree / "deep/er").mkdir(parents=True)
    (tree / "empty").mkdir(mode=0o700)
    for number, name in enumerate(names):
        (tree / "deep/er" / name).write_text(f"{number}")
        (tree / "deep/er" / name).chmod(0o600 + number)
    (tree / "nothing").write_bytes(b"")
    (tree / "two pieces").write_bytes(os.urandom(PIECE + 1))
    (dest / "to").mkdir()
    done = site.saltern("cp", str(tree), "a", str(dest / "to"))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    found = {str(path.relative_to(dest / "to/tree")): path for path in (dest / "to/tree").rglob("*")}
    assert set(found) == {str(path.relative_to(tree)) for path in tree.rglob("*")}
    for name, path in found.items():
        assert path.stat().st_mode == (tree / name).stat().st_mode, name
        if path.is_file():
            assert path.read_bytes() == (tree / name).read_bytes(), name


@pytest.mark.parametrize("path", ["../out", "/etc/out", "d/../../out", "./x", "", "a//b", "nul\0"])
def test_a_job_can_not_lead_out_of_the_directory(site: Site, dest: Path, path: str) -> None:
    digest = hashlib.sha256(b"").hexdigest()
    files = {path: [digest, 0, 0o644], "other": [digest, 0, 0o644]}
    outcome = site.run("a", "cp.receive", f"{dest}/", files=files)
    assert outcome.statuses() == {"a": Status.FAILED}
    assert "leaves the directory" in str(outcome.settled["a"].error)
    assert list(dest.iterdir()) == []


def test_what_nobody_sent_is_an_error(site: Site, dest: Path) -> None:
    outcome = site.run("a", "cp.receive", f"{dest}/x", files={"x": ["ab" * 32, 3, 0o644]})
    assert outcome.statuses() == {"a": Status.FAILED}
    assert list(dest.iterdir()) == []


def test_results_are_folded_and_failures_are_the_exit_code(site: Site, dest: Path) -> None:
    (dest / "x").write_text("x")
    done = site.saltern("cp", str(dest / "x"), "*", str(dest / "none/there/x"))
    assert done.returncode == 1
    assert done.stdout.startswith("a,b,c (3): failed")
    assert "makedirs" in done.stdout
    assert site.saltern("cp", str(dest / "x"), "a", str(dest / "none/there/x"), "--makedirs").returncode == 0
    assert (dest / "none/there/x").read_text() == "x"


def test_a_job_that_failed_is_run_again_without_sending_anew(site: Site, dest: Path) -> None:
    (dest / "again").write_text("again")
    done = site.saltern("cp", str(dest / "again"), "a", str(dest / "later/again"), "--async")
    jid = done.stdout.strip()
    assert site.wait_return(jid, "a").status is Status.FAILED  # type: ignore[arg-type]
    (dest / "later").mkdir()
    (dest / "again").unlink()
    assert site.rerun(jid, failed=True).statuses() == {"a": Status.OK}  # type: ignore[arg-type]
    assert (dest / "later/again").read_text() == "again"


def test_content_that_is_there_already_is_not_stored_again(site: Site, dest: Path) -> None:
    (dest / "x").write_text("to be stored once")
    digest = hashlib.sha256(b"to be stored once").hexdigest()

    async def sequence() -> int:
        async with as_controller(site, site.agents["a"]) as connection:
            state = (await connection.client.jsm().stream_info(streams.FILES)).state
            assert await streams.last(connection, streams.FILES, f"file.{digest}.0") is not None
            return state.last_seq

    found = []
    for name in ("first", "second"):
        assert site.saltern("cp", str(dest / "x"), "a", f"{dest}/{name}").returncode == 0
        found.append(asyncio.run(sequence()))
    assert found[0] == found[1]


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[Path]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize("size", [400_000, 12_000_000])
def test_a_disk_that_is_full_is_a_clear_error_and_leaves_what_was(
    site: Site, dest: Path, tmp_path: Path, size: int
) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    with small_disk(dest, "300k"):
        (dest / "file").write_text("as it was")
        done = site.saltern("cp", str(source), "a", str(dest / "file"))
        assert done.returncode == 1
        assert "full" in done.stdout or "No space left" in done.stdout, done.stdout
        assert (dest / "file").read_text() == "as it was"
        assert [path.name for path in dest.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_an_agents_full_disk_is_a_clear_error_too(site: Site, dest: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    cache = site.agents["c"].layout.agent / "files"
    cache.mkdir(exist_ok=True, mode=0o700)
    with small_disk(cache, "1m"):
        done = site.saltern("cp", str(source), "c", str(dest / "file"))
        assert done.returncode == 1
        assert "files can't be kept" in done.stdout, done.stdout
        assert "room on the agent's disk" in done.stdout
    agent = site.agents["c"]
    agent.kill()
    site.wait_for(lambda: "c" not in site.online(), "it is seen to be gone")
    agent.start()
    site.wait_online("c")
    assert site.saltern("cp", str(source), "c", str(dest / "file")).returncode == 0
