"""Real repositories."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.controller.files.backend import Backend, Place, build
from saltern.testing.repository import Repository

MakeGit = Callable[..., Backend]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit on ``main``: the file ``a``."""
    if shutil.which("git") is None:
        pytest.skip("the program git is not on this machine")
    made = Repository(tmp_path / "origin")
    made.commit({"a": "one"})
    return made


@pytest.fixture
def git(tmp_path: Path) -> Iterator[MakeGit]:
    """Make a git backend of its remotes and options."""
    made: list[Backend] = []

    def make(*remotes: Any, **options: Any) -> Backend:
        settings = {"git": {"remotes": list(remotes), **options}}
        made.extend(build([settings], Place(tmp_path / "state")))
        return made[-1]

    yield make
    for each in made:
        each.close()
