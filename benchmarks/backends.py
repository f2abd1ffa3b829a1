"""Listing and reading 10,000 files from a directory and from git, beside the bare way of each.

python -m benchmarks backends
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, best

from saltern.controller.files.backend import Backend, Place, build
from saltern.testing.repository import Repository


def run(quick: bool) -> Iterable[Row]:
    """Return the rows."""
    count = 1_000 if quick else 10_000
    with tempfile.TemporaryDirectory(prefix="saltern-backends-") as directory:
        here = Path(directory)
        repository = _laid(here / "origin", count)
        time.sleep(0.2)  # what was changed a moment ago is not trusted to stay
        options: list[dict[str, Any]] = [
            {"roots": {"base": str(repository.path / "tree")}},
            {"git": {"remotes": [repository.url]}},
        ]
        roots, git = build(options, Place(here / "state"))
        git.refresh()
        try:
            yield from _rows(roots, git, repository, count)
        finally:
            git.close()


def _laid(path: Path, count: int) -> Repository:
    repository = Repository(path)
    repository.commit({f"tree/{number % 100}/f{number}": f"{number}\n" * 500 for number in range(count)})
    return repository


def _rows(roots: Backend, git: Backend, repository: Repository, count: int) -> Iterable[Row]:
    tree = str(repository.path / "tree")
    yield Row(
        what=f"roots: list {count:,} files",
        value=best(5, lambda: roots.entries("base")) * 1000,
        unit="ms",
        reference=best(5, lambda: _program("find", tree, "-printf", "%p %s %m %T@\n")) * 1000,
        of="find -printf",
        goal="100 ms",
    )
    yield Row(
        what=f"git: list {count:,} files of a new commit",
        value=best(3, lambda: _anew(git, repository)) * 1000,
        unit="ms",
        reference=best(3, lambda: _program("git", "-C", tree, "ls-tree", "-r", "-l", "HEAD")) * 1000,
        of="git ls-tree -l",
    )
    yield Row(
        what="git: a refresh that finds nothing new",
        value=best(3, git.refresh) * 1000,
        unit="ms",
        reference=best(3, lambda: _program("git", "ls-remote", repository.url)) * 1000,
        of="git ls-remote",
    )
    bare = best(3, lambda: _bare(tree))
    for name, backend in (("roots", roots), ("git", git)):
        yield Row(
            what=f"{name}: read {count:,} files",
            value=count / best(3, lambda backend=backend: _read(backend)),  # type: ignore[misc]
            unit="files/s",
            reference=count / bare,
            of="Path.read_bytes",
        )


def _anew(git: Backend, repository: Repository) -> None:
    """List as if the commit were a new one: nothing is remembered."""
    for each in git._repositories:  # type: ignore[attr-defined]
        each._trees.clear()
    git.entries("base")


def _read(backend: Backend) -> None:
    for path, entry in backend.entries("base").items():
        if entry.token:
            with backend.open("base", path) as file:
                file.read()


def _bare(tree: str) -> None:
    for path in Path(tree).glob("*/*"):
        path.read_bytes()


def _program(*argv: str) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
