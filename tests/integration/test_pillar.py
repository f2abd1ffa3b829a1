"""Pillars, rendered by a real controller for real agents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from saltern.api.resolved import Resolved
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


def test_an_operator_sees_it_too(site: Site) -> None:
    shown = site.saltern("pillar", "show", "a", "--json")
    assert msgspec.json.decode(shown.stdout)["secret_of_a"] == "hunter2"
    top = site.saltern("pillar", "show-top", "a")
    assert top.stdout.split() == ["base:", "-", "common", "-", "only_a"]


def test_check_tells_every_error_once(site: Site, roots: Path) -> None:
    assert site.saltern("pillar", "check").returncode == 0
    write(roots, {"only_a.sls": "x: {{ nothing }}\n", "common.sls": "y: [\n"})
    try:
        done = site.saltern("pillar", "check")
        assert done.returncode != 0
        assert f"{roots}/only_a.sls:1" in done.stdout
        assert done.stdout.count(f"{roots}/common.sls:2") == 2  # of two agents with different errors
    finally:
        write(roots, FILES)


def test_a_grain_that_the_agent_made_up_opens_nothing(site: Site) -> None:
    """Attack 10: b says that it is a database."""
    agent = site.agents["b"]
    try:
        assert site.run("b", "grains.set", "roles", "db", force=True).statuses() == {"b": Status.OK}
        site.wait_for(lambda: _means(site, "roles:db") == {"b"}, "the controller has heard it")
        assert "password" not in site.run("b", "pillar.items").value("b")
        top = site.saltern("pillar", "show-top", "b")
        assert "database" not in top.stdout
        assert "roles" in top.stderr
    finally:
        site.run("b", "grains.delkey", "roles")
    assert agent.name == "b"


def _means(site: Site, expression: str, kind: str = "grain") -> set[str]:
    found = site.api.get("/v1/target", Resolved, expression=expression, kind=kind)
    return set(found.members.values())


def test_targets_ask_for_pillar_values_but_not_for_secrets(site: Site) -> None:
    site.run("*", "pillar.ls")
    site.wait_for(lambda: _means(site, "me:b", "pillar") == {"b"}, "it is in the index")


def test_states_run_on_it(site: Site) -> None:
    done = site.run("a", "state.single", "test.check_pillar", name="x", present=["secret_of_a"])
    assert done.statuses() == {"a": Status.OK}


def test_a_hung_render_is_given_up_and_another_goes_on(site: Site, roots: Path) -> None:
    write(roots, {"only_a.sls": "#!py\ndef run():\n    while True:\n        pass\n"})
    try:
        jid = site.start_job("a", "pillar.items")
        assert site.run("b", "pillar.get", "me").value("b") == "b"
        error = site.watch(jid).settled["a"].error
        assert error is not None
        assert "longer than 5 s" in error["message"]
    finally:
        write(roots, FILES)


def test_a_process_that_dies_is_replaced(site: Site, roots: Path) -> None:
    write(roots, {"only_a.sls": "#!py\nimport os\ndef run():\n    os._exit(3)\n"})
    try:
        error = site.run("a", "pillar.items").settled["a"].error
        assert error is not None
        assert "ended the process" in error["message"]
    finally:
        write(roots, FILES)
    assert site.run("a", "pillar.get", "secret_of_a").value("a") == "hunter2"


def test_a_bomb_is_an_error(site: Site, roots: Path) -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))
    write(roots, {"only_a.sls": f"l0: &l0 [x]\n{levels}\n"})
    try:
        error = site.run("a", "pillar.items").settled["a"].error
        assert error is not None
        assert "aliases stand for more than" in error["message"]
    finally:
        write(roots, FILES)


def test_the_agent_is_told_no_lines_of_the_files(site: Site, roots: Path) -> None:
    """What stands beside a fault may be another agent's secret."""
    write(roots, {"common.sls": "other: a secret of others\nx: {{ nothing }}\n"})
    try:
        settled = site.run("b", "pillar.items").settled["b"]
        assert "a secret of others" not in msgspec.json.encode(settled).decode()
        assert "a secret of others" in site.saltern("pillar", "show", "b").stderr
    finally:
        write(roots, FILES)
