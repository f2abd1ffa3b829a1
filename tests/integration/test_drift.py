"""Which machines are as declared: found out by real agents, by hand and by the clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.model.drift import Drift, DriftState
from saltern.testing.site import Site

pytestmark = pytest.mark.integration

NAMES = ("a", "b", "c")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the declared state is, and the tree that declares it."""
    for name in NAMES:
        (tmp_path / "here" / name).mkdir(parents=True)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/top.sls").write_text("base:\n  '*':\n    - motd\n")
    (tmp_path / "tree/motd.sls").write_text(
        f"motd:\n  file.managed:\n    - name: {tmp_path}/here/{{{{ grains.id }}}}/motd\n"
        "    - contents: hello\n"
        "always:\n  cmd.run:\n    - name: date\n"
    )
    return tmp_path


def up(place: Path, *names: str, **settings: str) -> Site:
    site = Site(place / "site", drift=settings)
    site.__enter__()
    token = site.token(uses=len(names)).text
    for name in names:
        agent = site.new_agent(name)
        agent.settings("agent.yaml", {"file_roots": {"base": [str(place / "tree")]}})
        assert site.join(agent, token).returncode == 0
        agent.start()
    site.wait_online(*names)
    return site


@pytest.fixture
def site(place: Path) -> Iterator[Site]:
    """A controller that looks only when it is asked to."""
    made = up(place, *NAMES)
    yield made
    made.close()


def known(site: Site) -> dict[str, Drift]:
    return {one.name: one for one in site.api.get("/v1/drift", list[Drift])}


def test_by_hand(site: Site, place: Path) -> None:
    assert site.saltern("drift", "show").stdout == ""
    done = site.saltern("drift", "*")
    assert done.returncode == 1, done.stderr
    assert "(3): drifted, since now" in done.stdout
    assert "  file.managed motd: a change (" in done.stdout
    first = known(site)
    assert {one.state for one in first.values()} == {DriftState.DRIFTED}
    assert site.saltern("apply", "a,b", "motd").returncode == 0
    (place / "tree/bad.sls").write_text("{{ nothing }}\n")
    (place / "tree/top.sls").write_text("base:\n  '*':\n    - motd\n  'b':\n    - bad\n")
    since = len(site.events)
    assert site.saltern("drift", "*").returncode == 1
    now = known(site)
    assert [now[name].state for name in NAMES] == [DriftState.CLEAN, DriftState.ERROR, DriftState.DRIFTED]
    assert now["c"].since == first["c"].since
    assert now["c"].checked > first["c"].checked
    assert "nothing" in now["b"].error
    site.wait_event("drift/clean", since=since, name="a")
    site.wait_event("drift/error", since=since, name="b")
    assert site.saltern("drift", "show", "a").returncode == 0
    shown = site.saltern("drift", "show", "--json")
    assert [json.loads(line)["name"] for line in shown.stdout.splitlines()] == list(NAMES)
    site.agents["a"].kill()
    site.wait_for(lambda: "a" not in site.online(), "a is away")
    assert site.saltern("drift", "a").returncode == 4
    assert known(site)["a"].state is DriftState.CLEAN
    assert known(site)["a"].missed


def test_by_the_clock(place: Path) -> None:
    """Each interval one round, in the controller's own name, on record like any other job."""
    site = up(place, "a", "b", interval="1s", splay="1s")
    try:
        site.wait_for(lambda: len(known(site)) == 2, "both were looked at")
        first = known(site)["a"].checked
        site.wait_for(lambda: known(site)["a"].checked > first, "looked at again")
        jobs = site.api.get("/v1/jobs", dict[str, object])["jobs"]
        assert {job["user"] for job in jobs if job["fun"] == "state.drift"} == {"controller"}  # type: ignore[attr-defined]
    finally:
        site.close()
