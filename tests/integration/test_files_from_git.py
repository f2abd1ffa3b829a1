"""States from a repository: the commit on the agent, branches as environments, a remote that is away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.conditions import eventually
from saltern.testing.repository import Repository
from saltern.testing.site import Site

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("git") is None, reason="the program git is not on this machine"),
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository(tmp_path_factory.mktemp("git") / "states")
    made.commit({"states/a": "one", "secret": "not served"})
    made.branch("dev", {"states/a": "dev"})
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, repository: Repository) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    (directory / "srv").mkdir()
    git = {"remotes": [repository.url], "root": "states", "update_interval": 0.2}
    backends = [{"git": git}, {"roots": {"base": [str(directory / "srv")]}}]
    with Site(directory, files={"backends": backends}) as made:
        made.add("a")
        yield made


def text(site: Site, path: str, saltenv: str = "base") -> str:
    outcome = site.run("a", "cp.get_file_str", f"salt://{path}?saltenv={saltenv}")
    return str(outcome.value("a"))


def test_a_run_has_the_commit_and_names_it(site: Site, repository: Repository, tmp_path: Path) -> None:
    sls = f"{tmp_path}/made:\n  file.managed:\n    - source: salt://a\n"
    commit = repository.commit({"states/web.sls": sls})
    eventually(lambda: text(site, "web.sls") == sls)
    outcome = site.run("a", "state.apply", "web")
    assert outcome.statuses() == {"a": Status.OK}, outcome.settled
    assert (tmp_path / "made").read_text() == "one"
    assert commit in str(outcome.settled["a"].snapshot["base"])


def test_branches_are_environments_and_the_rest_of_the_repository_is_not_served(site: Site) -> None:
    assert text(site, "a", "dev") == "dev"
    assert site.run("a", "cp.list_master").value("a").count("secret") == 0


def test_what_is_pushed_is_served_and_while_the_remote_is_away_the_last_state(
    site: Site, repository: Repository
) -> None:
    repository.commit({"states/b": "pushed"})
    eventually(lambda: "b" in site.run("a", "cp.list_master").value("a"))
    away = repository.path.rename(repository.path.with_name("away"))
    assert site.wait_event("files/stale", backend="git")
    assert text(site, "b") == "pushed"
    away.rename(repository.path)
