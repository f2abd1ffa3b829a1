"""The states of ``file`` on this machine: names nobody likes, a disk that fills, other people's links."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.engine.runner import Wishes
from saltern.engine.site import Site
from saltern.engine.states import look, perform
from saltern.sdk.local import LocalHost
from saltern.testing.place import disk
from saltern.testing.sls import MemoryTree

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NAMES = [
    *("plain", "with space", "quo'te", 'dou"ble', "new\nline", "-rf", "--", "ünï→code", "*", "$(id)", "a;b"),
    *("back\\slash", "tab\there", "{{ x }}", "%s", "~", "#", "x" * 250),
]


def kept(high: dict[str, Any], *, dry: bool = False, tree: dict[str, str | bytes] | None = None) -> list[Any]:
    """Run high data on this machine; return result and names of changes of each state."""
    host = LocalHost(grains=lambda: {"id": "x"})
    made = Site(host, MemoryTree({"base": dict(tree or {})}), opts={"id": "x"})
    host.supply = made.supply
    compiled, wishes = made.compile_data(high, "a test"), Wishes(test=dry)
    results = look(made, compiled, wishes) if dry else perform(made, compiled, wishes, what="a test")
    return [(one["result"], sorted(one["changes"])) for one in results.values()]


def states_about(path: str, beside: str) -> dict[str, Any]:
    """Return states about one path, in an order in which each finds something to do."""
    chosen: list[tuple[str, list[Any]]] = [
        ("file.managed", [{"contents": "one\ntwo\n"}, {"mode": "0640"}]),
        ("file.append", [{"text": "three"}]),
        ("file.replace", [{"pattern": "two"}, {"repl": "2"}, {"backup": False}]),
        ("file.line", [{"mode": "ensure"}, {"content": "1.5"}, {"after": "one"}]),
        ("file.comment", [{"regex": "one"}, {"backup": False}]),
        ("file.keyvalue", [{"key": "k"}, {"value": "v"}, {"append_if_not_found": True}]),
        ("file.blockreplace", [{"content": "b"}, {"append_if_not_found": True}, {"backup": False}]),
    ]
    high = {f"s{n}": {fun: [{"name": path}, *given]} for n, (fun, given) in enumerate(chosen)}
    high["copy"] = {"file.copy": [{"name": f"{beside}/copy"}, {"source": path}]}
    high["hard"] = {"file.hardlink": [{"name": f"{beside}/hard"}, {"target": path}]}
    high["soft"] = {"file.symlink": [{"name": f"{beside}/soft"}, {"target": path}]}
    high["moved"] = {"file.rename": [{"name": f"{beside}/moved"}, {"source": f"{beside}/hard"}]}
    high["gone"] = {"file.absent": [{"name": f"{beside}/copy"}]}
    for number, state in enumerate(high.values(), 1):
        next(iter(state.values())).append({"order": number})
    return high


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_nobody_likes(tmp_path: Path, name: str) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    high = states_about(str(tmp_path / name), str(beside))
    results = kept(high)
    assert [result for result, _ in results] == [True] * len(high), results
    text = "#one\n1.5\n2\nthree\nk=v\n#-- start managed zone --\nb\n#-- end managed zone --\n"
    assert (tmp_path / name).read_text() == text
    assert sorted(os.listdir(tmp_path)) == sorted([name, "beside"])
    assert sorted(os.listdir(beside)) == ["moved", "soft"]


def test_a_dry_run_of_everything_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "f").write_text("one\ntwo\n")
    before = disk(tmp_path)
    kept(states_about(str(tmp_path / "f"), str(tmp_path / "beside")), dry=True)
    assert disk(tmp_path) == before


def test_a_tree_comes_down_and_stays(tmp_path: Path) -> None:
    tree: dict[str, str | bytes] = {f"t/{name}/f": f"{n}\n" for n, name in enumerate(NAMES) if name != "~"}
    tree["t/binary"] = bytes(range(256))
    high = {"t": {"file.recurse": [{"name": str(tmp_path / "d")}, {"source": "salt://t"}, {"clean": True}]}}
    assert kept(high, tree=tree)[0][0] is True
    assert (tmp_path / "d/binary").read_bytes() == bytes(range(256))
    (tmp_path / "d/extra").mkdir()
    (tmp_path / "d/extra/deep").symlink_to("/etc")
    assert kept(high, tree=tree) == [(True, ["removed"])]
    assert kept(high, tree=tree) == [(True, [])]
    assert Path("/etc/passwd").exists()


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs the program patch")
def test_a_patch(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("one\ntwo\n")
    patch = "--- f\n+++ f\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    high = {"p": {"file.patch": [{"name": str(tmp_path / "f")}, {"source": "salt://p"}]}}
    assert kept(high, tree={"p": patch}) == [(True, ["diff"])]
    assert kept(high, tree={"p": patch}) == [(True, [])]
    assert (tmp_path / "f").read_text() == "one\n2\n"
    (tmp_path / "f").write_text("other\n")
    assert kept(high, tree={"p": patch}) == [(False, [])]
    assert os.listdir(tmp_path) == ["f"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip(f"can't mount a small disk: {done.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@AS_ROOT
@pytest.mark.parametrize("fun", ["file.managed", "file.append", "file.copy", "file.recurse"])
def test_a_disk_that_fills(small_disk: Path, tmp_path: Path, fun: str) -> None:
    large = "x" * 79 + "\n"
    (small_disk / "f").write_text("old\n")
    (tmp_path / "source").write_text(large * 1000)
    arguments: dict[str, list[Any]] = {
        "file.managed": [{"name": str(small_disk / "f")}, {"contents": large * 1000}],
        "file.append": [{"name": str(small_disk / "f")}, {"text": large * 1000}],
        "file.copy": [{"name": str(small_disk / "f")}, {"source": str(tmp_path / "source")}, {"force": True}],
        "file.recurse": [{"name": str(small_disk)}, {"source": "salt://t"}],
    }
    results = kept({"it": {fun: arguments[fun]}}, tree={"t/f": large * 1000})
    assert results[0][0] is False
    assert (small_disk / "f").read_text() == "old\n"
    assert os.listdir(small_disk) == ["f"], "something half written is left"


@AS_ROOT
def test_a_managed_file_where_somebody_else_has_put_a_link(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    (ours / "shadow").write_text("secret\n")
    (theirs / "conf").symlink_to(ours)
    for path in (theirs, theirs / "conf"):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    name = str(theirs / "conf/shadow")
    results = kept({"it": {"file.managed": [{"name": name}, {"contents": "theirs"}, {"mode": "0666"}]}})
    assert results[0][0] is False
    assert (ours / "shadow").read_text() == "secret\n"
    assert os.listdir(ours) == ["shadow"]
