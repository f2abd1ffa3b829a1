"""Trees on disk: what is in them is found, and nothing else is ever read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.foundation.errors import NotAllowed
from saltern.sls import names
from saltern.sls.tree import LocalTree, is_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/sub").mkdir(parents=True)
    (tmp_path / "root/a.sls").write_text("a")
    (tmp_path / "root/sub/init.sls").write_text("sub")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.sls").write_text("b")
    return tmp_path / "root"


def tree_of(*roots: Path) -> LocalTree:
    return LocalTree({"base": [str(root) for root in roots]})


def test_reads_and_lists(root: Path) -> None:
    tree = tree_of(root)
    found = tree.read("base", "sub/init.sls")
    assert found is not None
    assert (found.data, found.shown) == (b"sub", str(root / "sub/init.sls"))
    assert tree.files("base") == ("a.sls", "sub/init.sls")
    assert names.available(tree, "base") == ["a", "sub"]


@pytest.mark.parametrize("path", ["nothing.sls", "sub", "a.sls/x", "sub/nothing"])
def test_what_is_no_file_is_not_there(root: Path, path: str) -> None:
    assert tree_of(root).read("base", path) is None


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "sub/../../secret", "", "a\0b", "./a.sls", "sub//x"]
)
def test_paths_that_leave_the_tree_are_refused(root: Path, path: str) -> None:
    assert not is_inside(path)
    with pytest.raises(NotAllowed, match="leaves the tree"):
        tree_of(root).read("base", path)


def test_links_within_are_followed_links_out_are_not(root: Path) -> None:
    (root / "within.sls").symlink_to("sub/init.sls")
    (root / "out.sls").symlink_to(root.parent / "secret")
    (root / "away").symlink_to(root.parent / "elsewhere")
    (root / "circle").symlink_to(".")
    tree = tree_of(root)
    found = tree.read("base", "within.sls")
    assert found is not None
    assert found.data == b"sub"
    for path in ("out.sls", "away/b.sls"):
        with pytest.raises(NotAllowed, match="is a link out of its root"):
            tree.read("base", path)
    assert tree.files("base") == ("a.sls", "sub/init.sls", "within.sls")


def test_a_root_that_is_a_link_itself_is_fine(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    tree = tree_of(link)
    assert tree.read("base", "a.sls") is not None
    assert tree.files("base") == ("a.sls", "sub/init.sls")


def test_pipes_are_no_files(root: Path) -> None:
    os.mkfifo(root / "pipe.sls")
    assert tree_of(root).read("base", "pipe.sls") is None


def test_the_first_root_wins(root: Path, tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "elsewhere", root, tmp_path / "missing")
    (tmp_path / "elsewhere/a.sls").write_text("first")
    found = tree.read("base", "a.sls")
    assert found is not None
    assert found.data == b"first"
    assert tree.files("base") == ("a.sls", "b.sls", "sub/init.sls")


def test_a_root_for_any_environment(root: Path) -> None:
    tree = LocalTree({"base": [str(root)], "__env__": [str(root.parent / "__env__")]})
    assert tree.has_environment("elsewhere")
    found = tree.read("elsewhere", "b.sls")
    assert found is not None
    assert found.data == b"b"
    assert tree.read("..", "secret") is None
    assert tree.read("root/sub", "init.sls") is None


def test_an_environment_that_is_not_there_has_nothing(root: Path) -> None:
    tree = tree_of(root)
    assert not tree.has_environment("dev")
    assert tree.read("dev", "a.sls") is None
    assert tree.files("dev") == ()
