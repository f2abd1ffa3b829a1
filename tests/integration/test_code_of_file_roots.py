"""Modules, states and grains of the controller's file roots, on agents, as they are written for Salt."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.site import Site

pytestmark = pytest.mark.integration

MODULE = """
from salt.exceptions import CommandExecutionError

__func_alias__ = {"list_": "list"}


def list_():
    return sorted(key for key in __grains__ if key.startswith("team"))


def hello(name):
    if name == "nobody":
        raise CommandExecutionError("there is nobody")
    return __salt__["test.echo"]("hello " + name)
"""
STATE = """
def present(name, text):
    ret = {"name": name, "changes": {}, "result": True, "comment": "there"}
    if __salt__["file.file_exists"](name):
        return ret
    ret["changes"] = {"new": text}
    if __opts__["test"]:
        ret["result"] = None
        return ret
    __salt__["file.write"](name, __salt__["own.hello"](text))
    return ret
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("code")
    made = Site(directory, files={"backends": [{"roots": {"base": [str(directory / "srv")]}}]})
    (directory / "srv").mkdir()
    with made:
        made.add("a")
        yield made


@pytest.fixture
def root(site: Site) -> Path:
    return site.directory / "srv"


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_text(text)


def test_modules_and_states_are_found_without_sync(site: Site, root: Path) -> None:
    put(root, "_modules/own.py", MODULE)
    put(root, "_states/own.py", STATE)
    target = site.agents["a"].layout.root / "made"
    put(root, "it.sls", f"{target}:\n  own.present:\n    - text: {{{{ salt['own.hello']('you') }}}}\n")
    assert site.run("a", "own.hello", "you").value("a") == "hello you"
    looked = site.run("a", "state.apply", "it", test=True).value("a")
    assert [one["result"] for one in looked.values()] == [None]
    assert not target.exists()
    done = site.run("a", "state.apply", "it").value("a")
    assert [(one["result"], one["changes"]) for one in done.values()] == [(True, {"new": "hello you"})]
    assert target.read_text() == "hello hello you\n"
    assert "own.hello" in site.run("a", "sys.list_functions", "own").value("a")


def test_an_error_says_where(site: Site, root: Path) -> None:
    put(root, "_modules/own.py", MODULE)
    failed = site.run("a", "own.hello", "nobody").settled["a"]
    line = MODULE.splitlines().index('        raise CommandExecutionError("there is nobody")') + 1
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error["message"] == f"salt://_modules/own.py:{line}: there is nobody"
    put(root, "_modules/bad.py", "import salt.nonsense\n")
    broken = site.run("a", "bad.f").settled["a"]
    assert broken.error is not None
    assert broken.error["message"].startswith("salt://_modules/bad.py:1: this module can't be loaded")
    assert site.run("a", "test.ping").value("a") is True


def test_a_function_that_takes_the_place_of_ours_does_so_once_it_is_known(site: Site, root: Path) -> None:
    put(root, "_modules/test.py", "def ping():\n    return 'mine'\n")
    assert site.run("a", "test.ping").value("a") is True
    assert "modules.test" in site.run("a", "saltutil.sync_modules").value("a")
    assert site.run("a", "saltutil.sync_modules").value("a") == []
    assert site.run("a", "test.ping").value("a") == "mine"
    (root / "_modules/test.py").unlink()
    assert site.run("a", "test.ping").value("a") is True


def test_grains_are_collected_when_they_are_synced(site: Site, root: Path) -> None:
    put(root, "_utils/teams.py", "def name():\n    return 'blue'\n")
    put(
        root,
        "_grains/team.py",
        "def team(grains):\n    return {'team': __utils__['teams.name'](), 'team_kernel': grains['kernel']}\n"
        "def broken():\n    return 1 / 0\n",
    )
    assert site.run("a", "grains.get", "team").value("a") == ""
    assert site.run("a", "saltutil.sync_all").value("a")["grains"] == ["grains.team"]
    assert site.run("a", "grains.get", "team").value("a") == "blue"
    assert site.run("a", "grains.get", "team_kernel").value("a") == os.uname().sysname
    put(root, "_grains/team.py", "def team():\n    return {'team': 'red'}\n")
    put(root, "look.sls", "it:\n  test.succeed_with_changes:\n    - name: {{ grains.team }}\n")
    (result,) = site.run("a", "state.apply", "look").value("a").values()
    assert result["name"] == "red"
    (root / "_grains/team.py").unlink()
    assert site.run("a", "saltutil.sync_grains").value("a") == []
    assert site.run("a", "saltutil.refresh_grains").value("a") is True
    assert site.run("a", "grains.get", "team").value("a") == ""


def test_links_out_of_the_root_are_no_modules(site: Site, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("def f():\n    return 'outside'\n")
    (root / "_modules").mkdir(exist_ok=True)
    (root / "_modules/outside.py").symlink_to(tmp_path / "outside.py")
    failed = site.run("a", "outside.f").settled["a"]
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error["kind"] in ("not_found", "not_allowed")
    assert site.run("a", "test.ping").value("a") is True
    (root / "_modules/outside.py").unlink()
