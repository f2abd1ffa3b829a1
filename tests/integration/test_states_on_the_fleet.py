"""States on real agents: applied, shown, planned, approved, and refused when something has changed since."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.model.plan import FleetPlan, PlanDetails, PlanState
from saltern.model.system import AuditEntry
from saltern.testing.site import Site

pytestmark = pytest.mark.integration

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file root that all agents share; each writes below a directory of its own."""
    return tmp_path_factory.mktemp("tree")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tree: Path) -> Iterator[Site]:
    """Agents with a file root of their own."""
    with Site(tmp_path_factory.mktemp("site"), jobs={"disconnected_grace": 15.0}) as made:
        for name in NAMES:
            made.new_agent(name)
        token = made.token(uses=len(NAMES)).text
        for agent in made.agents.values():
            agent.settings("agent.yaml", {"jobs": {"grace": 0.5}, "file_roots": {"base": [str(tree)]}})
            assert made.join(agent, token).returncode == 0
            agent.start()
        made.wait_online(*NAMES)
        yield made


@pytest.fixture
def place(tree: Path, tmp_path: Path) -> Path:
    """Where the states write: a directory for each agent."""
    for name in NAMES:
        (tmp_path / name).mkdir()
    (tree / "motd.sls").write_text(
        f"{tmp_path}/{{{{ grains.id }}}}/motd:\n"
        "  file.managed:\n    - contents: hello\n    - fire_event: my/motd\n"
        "show:\n  test.nop: []\n"
    )
    (tree / "top.sls").write_text("base:\n  '*':\n    - motd\n")
    return tmp_path


def test_apply_and_again(site: Site, place: Path) -> None:
    since = len(site.events)
    done = site.saltern("apply", "*", "motd")
    assert done.returncode == 0, done.stderr
    assert [(place / name / "motd").read_text() for name in NAMES] == ["hello\n"] * 3
    assert "Result: True" in done.stdout
    event = site.wait_event("my/motd", since=since)
    assert event.data["result"] is True
    assert event.key in {agent.key for agent in site.agents.values()}
    again = site.saltern("apply", "*")
    assert again.returncode == 0
    assert "Result:" not in again.stdout


def test_what_would_change_and_who_differs(site: Site, place: Path) -> None:
    (place / "b/motd").write_text("hello\n")
    done = site.saltern("apply", "*", "motd", "--test")
    assert done.returncode == 0, done.stderr
    assert not (place / "a/motd").exists()
    whole = site.saltern("apply", "*", "motd", "--test", "--json")
    results = {line["name"]: line["data"] for line in map(json.loads, whole.stdout.splitlines())}
    ends = {name: [one["result"] for one in found.values()] for name, found in results.items()}
    assert ends == {"a": [None, True], "b": [True, True], "c": [None, True]}


def test_a_tree_that_does_not_compile_fails(site: Site, tree: Path) -> None:
    (tree / "bad.sls").write_text("a:\n  file.managed:\n    - contents: {{ nothing }}\n")
    done = site.saltern("apply", "a", "bad")
    assert done.returncode == 1
    assert "bad.sls:3" in done.stdout


def test_show(site: Site, place: Path) -> None:
    assert "motd" in site.saltern("show", "a", "--top").stdout
    low = json.loads(site.saltern("show", "a", "motd", "--low", "--json").stdout)["data"]
    assert [(one["state"], one["fun"]) for one in low] == [("file", "managed"), ("test", "nop")]


def planned(site: Site, *words: str) -> FleetPlan:
    done = site.saltern("plan", *words, "--json")
    assert done.returncode == 0, done.stderr
    return site.api.get(
        f"/v1/plans/{json.loads(done.stdout.splitlines()[-1])['plan']['id']}", PlanDetails
    ).plan


def test_a_plan_is_seen_approved_and_done_once(site: Site, place: Path) -> None:
    plan = planned(site, "*", "motd")
    assert plan.fingerprint
    assert not (place / "a/motd").exists()
    shown = site.saltern("plan", "show", plan.id)
    assert ": 1 change\n" in shown.stdout
    approved = site.saltern("plan", "approve", plan.id, "--reason", "change 1234")
    assert approved.returncode == 0, approved.stderr
    applied = site.saltern("apply", "--plan", plan.id)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert [(place / name / "motd").read_text() for name in NAMES] == ["hello\n"] * 3
    details = site.api.get(f"/v1/plans/{plan.id}", PlanDetails)
    assert details.state is PlanState.APPLIED
    assert details.plan.reason == "change 1234"
    again = site.saltern("apply", "--plan", plan.id)
    assert again.returncode == 8
    assert "has been applied already" in again.stderr
    entries = site.api.get("/v1/audit", list[AuditEntry], limit=1000)
    acts = {entry.action: entry.arguments for entry in entries if plan.id in entry.arguments}
    assert set(acts) == {"plan.approve", "job.run"}
    assert "change 1234" in acts["plan.approve"]


def test_a_plan_says_when_there_is_nothing_in_it(site: Site, place: Path) -> None:
    assert site.saltern("apply", "*", "motd").returncode == 0
    assert site.saltern("plan", "*", "motd").stderr.endswith(": nothing to change\n")
    assert "is for nobody" in site.saltern("plan", "*", "nosuch").stderr


def test_a_tree_edited_since_is_refused_with_what_differs(site: Site, place: Path, tree: Path) -> None:
    plan = planned(site, "a,b", "motd")
    text = (tree / "motd.sls").read_text()
    (tree / "motd.sls").write_text(
        text.replace("hello", "goodbye").replace("  test.nop: []", "  test.succeed_with_changes: []")
    )
    done = site.saltern("apply", "--plan", plan.id)
    assert done.returncode == 1
    assert "what would change is no longer what was planned" in done.stdout
    assert f"- file.managed {place}/a/motd: planned a change (" in done.stdout
    assert "- test.succeed_with_changes show: planned no change, or not in it, now" in done.stdout
    assert not (place / "a/motd").exists()


def test_a_machine_changed_since_refuses_and_the_others_do_it(site: Site, place: Path) -> None:
    plan = planned(site, "*", "motd")
    (place / "b/motd").write_text("somebody was here\n")
    done = site.saltern("apply", "--plan", plan.id)
    assert done.returncode == 1
    assert (place / "b/motd").read_text() == "somebody was here\n"
    assert (place / "a/motd").read_text() == "hello\n"


def test_a_plan_in_a_file(site: Site, place: Path) -> None:
    file = place / "fleet.plan"
    assert site.saltern("plan", "c", "motd", "-o", str(file)).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    done = site.saltern("apply", str(file))
    assert done.returncode == 0, done.stderr
    assert (place / "c/motd").read_text() == "hello\n"


def test_a_run_is_undone_by_its_job(site: Site, place: Path) -> None:
    done = site.saltern("apply", "a,b", "motd", "--json")
    jid = json.loads(done.stdout.splitlines()[0])["jid"]
    undone = site.saltern("run", "a,b", "state.undo", f"run='{jid}'")
    assert undone.returncode == 0, undone.stdout
    assert not (place / "a/motd").exists()


def test_what_makes_no_sense(site: Site) -> None:
    for words, said in (
        (["apply"], "needs a TARGET"),
        (["plan", "approve", "p1"], "needs a reason"),
        (["apply", "--plan", "p1", "a"], "a plan says itself"),
        (["show", "a", "--top", "motd"], "--top"),
        (["apply", "a", "--pillar", "nonsense"], "neither NAME=VALUE nor"),
    ):
        done = site.saltern(*words)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
    assert site.saltern("apply", "--plan", "p1").returncode == 3


def test_why(site: Site, tree: Path, tmp_path: Path) -> None:
    (tree / "why.sls").write_text(
        "{% set who = 'nobody' if grains.id == 'b' else 'somebody' %}\n"
        "check:\n  cmd.run:\n    - name: test $WHO = somebody\n    - env:\n      - WHO: {{ who }}\n"
        "      - DB_PASSWORD: sesame\n"
        "after:\n  test.nop:\n    - require:\n      - cmd: check\n"
    )
    done = site.saltern("apply", "*", "why", "--json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    jid = lines[0]["jid"]
    assert all("sesame" not in json.dumps(line["data"]) for line in lines)
    why = site.saltern("why", jid, "b", "cmd.run check")
    assert why.returncode == 0, why.stderr
    assert re.search(r"^written in \S*why.sls:2$", why.stdout, re.MULTILINE)
    assert "it went well on" in why.stdout
    assert "  argument env:\n    here: [{'WHO': 'nobody'}" in why.stdout
    assert "    a: [{'WHO': 'somebody'}" in why.stdout
    assert "sesame" not in why.stdout
    after = site.saltern("why", jid, "b", "after", "--no-ask")
    assert re.search(r"test.nop after: require cmd.run check \(\S*why.sls:2\): FAILED", after.stdout)
    both = [json.loads(line) for line in site.saltern("why", jid, "b", "--json").stdout.splitlines()]
    assert [one["key"].split("_|-")[1] for one in both] == ["check", "after"]
    assert site.saltern("why", jid, "b", "chekc").returncode == 3
    assert site.saltern("why", jid, "nobody").returncode == 3
    assert site.saltern("why", "x", "b").returncode == 2
