"""Any tree reads the same, whether it is a directory or a commit; and links are what the kernel says."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saltern.controller.files.backend import Backend, Place, build
from saltern.testing.repository import Repository

NAMES = st.sampled_from(["a", "b", "ä ö", "-x", "new\nline", "*"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TARGETS = st.one_of(
    PATHS,
    st.builds(lambda ups, path: "../" * ups + path, st.integers(0, 3), PATHS),
    st.sampled_from([".", "..", "/etc", "a/", "./a", "a//b"]),
)
THINGS = st.one_of(
    st.binary(max_size=20).map(lambda data: ("file", data)), TARGETS.map(lambda text: ("link", text))
)
TREES = st.dictionaries(PATHS, THINGS, min_size=1, max_size=8)


def lay(root: Path, tree: dict[str, tuple[str, bytes | str]]) -> None:
    for name, (_, content) in tree.items():
        path = root / name
        if _is_blocked(root, path):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.symlink_to(content)


def _is_blocked(root: Path, path: Path) -> bool:
    above = [one for one in path.parents if one != root and root in one.parents]
    return os.path.lexists(path) or any(one.is_symlink() or one.is_file() for one in above)


def seen(backend: Backend) -> dict[str, tuple[int, int, str | None, bytes | None]]:
    found = {}
    for path, entry in backend.entries("base").items():
        content = None
        if entry.token:
            with backend.open("base", path) as file:
                content = file.read()
        found[path] = (entry.size, entry.mode, entry.link, content)
    return found


@pytest.mark.skipif(shutil.which("git") is None, reason="the program git is not on this machine")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=TREES)
def test_a_tree_reads_the_same_from_git_and_from_a_directory(
    tree: dict[str, tuple[str, bytes | str]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        repository = Repository(here / "origin")
        lay(repository.path, tree)
        repository.commit()
        subprocess.run(["cp", "-a", f"{repository.path}/.", here / "plain"], check=True)
        shutil.rmtree(here / "plain/.git")
        place = Place(here / "state")
        roots, git = build(
            [{"roots": {"base": f"{here}/plain"}}, {"git": {"remotes": [repository.url]}}], place
        )
        git.refresh()
        try:
            assert seen(git) == seen(roots)
        finally:
            git.close()


@settings(max_examples=60, deadline=None)
@given(tree=TREES)
def test_what_a_link_gives_is_what_the_kernel_gives(tree: dict[str, tuple[str, bytes | str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        lay(root, tree)
        (backend,) = build([{"roots": {"base": str(root)}}], Place(root))
        found = seen(backend)
        for path, (_, _, _, content) in found.items():
            if content is not None:
                assert (root / path).read_bytes() == content
        for above, _, names in os.walk(root):
            for name in names:
                path = os.path.relpath(os.path.join(above, name), root)
                real = os.path.realpath(os.path.join(above, name))
                inside = os.path.isfile(real) and real.startswith(f"{root}/")
                assert inside == (path in found and found[path][3] is not None), path
