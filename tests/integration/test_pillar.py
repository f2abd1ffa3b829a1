"""Pillars, rendered by a real controller for real agents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.site import Site

pytestmark = pytest.mark.integration

FILES = {
    "top.sls": "base:\n  '*':\n    - common\n  'a':\n    - only_a\n  'G@roles:db':\n    - database\n",
    "common.sls": "me: {{ grains.id }}\nkernel: {{ grains.kernel }}\nlist: [1, 2]\nat: {x: 1}\n",
    "only_a.sls": "secret_of_a: hunter2\n",
    "database.sls": "password: for databases\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pillar")
    write(root, FILES)
    return root


@pytest.fixture(scope="module")
def site(roots: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pillar = {"backends": [{"roots": {"base": [str(roots)]}}], "timeout": "5s", "processes": 2}
    with Site(tmp_path_factory.mktemp("site"), pillar=pillar) as made:
        made.add("a", "b")
        yield made


def test_each_agent_has_its_own(site: Site) -> None:
    done = site.run("*", "pillar.items")
    assert done.value("a") == {
        "me": "a",
        "kernel": "Linux",
        "list": [1, 2],
        "at": {"x": 1},
        "secret_of_a": "hunter2",
    }
    assert done.value("b") == {"me": "b", "kernel": "Linux", "list": [1, 2], "at": {"x": 1}}


def test_an_edit_is_seen_by_the_next_job(site: Site, roots: Path) -> None:
    write(roots, {"common.sls": FILES["common.sls"] + "more: yes\n"})
    assert site.run("b", "pillar.get", "more").value("b") is True
    write(roots, FILES)
    assert site.run("b", "pillar.get", "more", "gone").value("b") == "gone"


def test_a_pillar_that_does_not_render_fails_the_run(site: Site, roots: Path) -> None:
    write(roots, {"common.sls": "x: {{ nothing }}\n"})
    try:
        done = site.run("b", "pillar.items")
        assert done.statuses() == {"b": Status.FAILED}
        error = done.settled["b"].error
        assert error is not None
        assert f"{roots}/common.sls:1" in error["message"]
    finally:
        write(roots, FILES)
