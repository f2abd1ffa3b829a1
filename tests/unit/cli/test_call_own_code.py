"""``saltern call`` with a file root that brings code of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Saltern = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "_modules").mkdir(parents=True)
    (root / "_grains").mkdir()
    (root / "_modules/own.py").write_text(
        "def hello(name='you'):\n    'Greet.'\n    return 'hello %s of %s' % (name, __grains__['team'])\n"
    )
    (root / "_grains/team.py").write_text(
        "def team():\n    return {'team': 'blue', 'id': 'another'}\ndef broken():\n    return 1 / 0\n"
    )
    return root


def test_functions_and_grains_of_the_file_root(saltern: Saltern, root: Path) -> None:
    done = saltern("call", "--file-root", str(root), "own.hello", "name=me")
    assert (done.code, done.out.strip()) == (0, "hello me of blue")
    assert f"grains are missing: {root}/_grains/team.py:broken: ZeroDivisionError" in done.err
    assert saltern("call", "--file-root", str(root), "--id", "me", "grains.get", "id").out.strip() == "me"
    assert "Greet." in saltern("call", "--file-root", str(root), "sys.doc", "own").out


def test_a_file_root_without_code(saltern: Saltern, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    done = saltern("call", "--file-root", str(tmp_path / "plain"), "own.hello")
    assert done.code == 1
    assert "no function 'own.hello'" in done.err
