"""States on agents that have no files of their own: the tree is the controller's, one snapshot a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.testing.site import Site

pytestmark = pytest.mark.integration

NAMES = tuple(f"n{number:02}" for number in range(8))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Eight agents, and a tree at the controller."""
    directory = tmp_path_factory.mktemp("site")
    (directory / "tree").mkdir()
    files = {"backends": [{"roots": {"base": [str(directory / "tree")]}}]}
    with Site(directory, files=files) as made:
        made.add(*NAMES)
        yield made


def tree(site: Site, place: Path, content: str) -> None:
    """Declare a hundred states."""
    lines = [
        f"{place}/{{{{ grains.id }}}}/{number}:\n"
        "  file.managed:\n    - source: salt://content\n    - makedirs: True"
        for number in range(100)
    ]
    (site.directory / "tree/many.sls").write_text("\n".join(lines) + "\n")
    (site.directory / "tree/content").write_text(content)


def test_a_hundred_states_on_each(site: Site, tmp_path: Path) -> None:
    tree(site, tmp_path, "first\n")
    done = site.saltern("apply", "*", "many", "--state-output", "summary")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert all((tmp_path / name / "99").read_text() == "first\n" for name in NAMES)
    again = site.saltern("apply", "*", "many", "--json")
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert len({line["snapshot"]["base"] for line in lines}) == 1, "all used one tree, and say which"
    assert not any(one["changes"] for line in lines for one in line["data"].values())


def test_a_tree_edited_after_the_plan_is_refused(site: Site, tmp_path: Path) -> None:
    tree(site, tmp_path, "first\n")
    planned = site.saltern("plan", "n00,n01", "many", "--json")
    assert planned.returncode == 0, planned.stderr
    id = json.loads(planned.stdout.splitlines()[-1])["plan"]["id"]
    (site.directory / "tree/content").write_text("second\n")
    refused = site.saltern("apply", "--plan", id)
    assert refused.returncode == 1
    assert f"file.managed {tmp_path}/n00/0: planned a change" in refused.stdout
    assert not (tmp_path / "n00/0").exists()


def test_why_names_the_tree(site: Site, tmp_path: Path) -> None:
    (site.directory / "tree/fails.sls").write_text(
        "x:\n  cmd.run:\n    - name: test {{ grains.id }} != n03\n"
    )
    done = site.saltern("apply", "*", "fails", "--json")
    lines = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    why = site.saltern("why", lines["n03"]["jid"], "n03")
    assert why.returncode == 0, why.stderr
    assert f"  tree base: {lines['n03']['snapshot']['base']}" in why.stdout
    assert "  argument name:\n    here: test n03 != n03\n    n00: test n00 != n03" in why.stdout
