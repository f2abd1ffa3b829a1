"""Roll-outs that look after themselves: batch, check, and either the next one or all is undone."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from saltern.model.ids import JobId
from saltern.model.status import Status
from saltern.model.update import Noted
from saltern.testing.site import Site, SiteAgent

pytestmark = pytest.mark.integration

NAMES = ("a", "b", "c", "d")
_notes = msgspec.json.Decoder(Noted)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file root that all agents share."""
    return tmp_path_factory.mktemp("tree")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tree: Path) -> Iterator[Site]:
    """Four agents with a file root of their own."""
    jobs = {"disconnected_grace": 2.0, "acknowledge": 3.0}
    with Site(tmp_path_factory.mktemp("site"), jobs=jobs) as made:
        token = made.token(uses=len(NAMES)).text
        for name in NAMES:
            start(made, made.new_agent(name), tree, token)
        made.wait_online(*NAMES)
        yield made


def start(site: Site, agent: SiteAgent, tree: Path, token: str) -> None:
    agent.settings("agent.yaml", {"jobs": {"grace": 0.5}, "file_roots": {"base": [str(tree)]}})
    assert site.join(agent, token).returncode == 0
    agent.start()


@pytest.fixture
def place(tree: Path, tmp_path: Path) -> Path:
    """Where states write: ``NAME/app``, which was ``old``; and a command that nothing can undo."""
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "app").write_text("old\n")
    (tree / "app.sls").write_text(
        f"{tmp_path}/{{{{ grains.id }}}}/app:\n  file.managed:\n    - contents: new\n"
        f"note:\n  cmd.run:\n    - name: echo {{{{ grains.id }}}} >> {tmp_path}/order\n"
        f"gate:\n  cmd.run:\n    - name: while test -e {tmp_path}/wait; do sleep 0.05; done\n"
    )
    return tmp_path


def apps(place: Path) -> list[str]:
    return [(place / name / "app").read_text().strip() for name in NAMES]


def notes(site: Site, jid: JobId) -> list[str]:
    lines = site.api.lines("GET", f"/v1/jobs/{jid}/events")
    return [_notes.decode(line).text for line in lines if b'"event":"note"' in line]


def test_batch_after_batch_each_checked(site: Site, place: Path) -> None:
    check = f"cmd.run 'test -e {place}/healthy'"
    (place / "healthy").touch()
    done = site.saltern("apply", "*", "app", "--batch", "2", "--check", check)
    assert done.returncode == 0, done.stdout + done.stderr
    assert apps(place) == ["new"] * 4
    order = (place / "order").read_text().split()
    assert [sorted(order[:2]), sorted(order[2:])] == [["a", "b"], ["c", "d"]]
    assert "batch 2: [c-d]" in done.stderr or "batch 2:" in done.stderr
    assert "passed cmd.run" in done.stderr


def test_a_check_that_fails_stops_it_and_the_batch_is_undone(site: Site, place: Path) -> None:
    """The first batch stays as it is; the second is brought back; the third never begins."""
    check = f"cmd.run 'test $(wc -l < {place}/order) -lt 2'"
    done = site.saltern("apply", "*", "app", "--batch", "1", "--check", check, "--rollback")
    assert done.returncode == 1
    assert apps(place) == ["new", "old", "old", "old"]
    assert "stopped in batch 2: check cmd.run failed on b" in done.stderr
    assert "undone on b" in done.stderr
    assert "could not be undone on b: " in done.stderr
    assert "cmd.run note" in done.stderr


def test_a_check_that_returns_false_says_so(site: Site, place: Path) -> None:
    done = site.saltern("apply", "a", "app", "--batch", "1", "--check", "test.false")
    assert done.returncode == 1
    assert ": it returned false)" in done.stderr


def test_a_state_that_fails_stops_it_and_the_batch_is_undone(site: Site, place: Path, tree: Path) -> None:
    (tree / "app.sls").write_text(
        (tree / "app.sls").read_text()
        + "fail:\n  cmd.run:\n    - name: test {{ grains.id }} != c || exit 3\n"
    )
    done = site.saltern("apply", "*", "app", "--batch", "2", "--rollback", "--json")
    assert done.returncode == 1
    assert apps(place) == ["new", "new", "old", "old"]


def test_a_failure_in_the_first_batch_leaves_the_others_alone(site: Site, place: Path) -> None:
    done = site.saltern(*("apply", "*", "app", "--batch", "2", "--check", "test.false", "--async"))
    jid = JobId(done.stdout.strip())
    site.wait_target(jid, "d")
    statuses = {name: target.status for name, target in site.targets(jid).items()}
    assert statuses == {"a": Status.OK, "b": Status.OK, "c": Status.CANCELLED, "d": Status.CANCELLED}
    assert apps(place) == ["new", "new", "old", "old"]


def test_a_check_elsewhere_and_one_that_takes_its_time(site: Site, place: Path) -> None:
    count = f"{place}/count"
    check = f"cmd.run 'echo x >> {count}; test $(wc -l < {count}) -ge 2'"
    words = ("apply", "a,b", "app", "--check", check, "--check-on", "d", "--check-within", "30s")
    done = site.saltern(*words)
    assert done.returncode == 0, done.stderr
    assert len(Path(count).read_text().split()) == 2


def test_a_controller_killed_in_the_middle_goes_on(site: Site, place: Path) -> None:
    (place / "wait").touch()
    words = ("apply", "*", "app", "--batch", "2", "--check", "test.ping", "--async")
    jid = JobId(site.saltern(*words).stdout.strip())
    site.wait_for(lambda: (place / "order").exists(), "the first batch is at work")
    site.controller.kill()
    site.restart_controller()
    site.wait_online(*NAMES)
    (place / "wait").unlink()
    for name in NAMES:
        assert site.wait_return(jid, name).status is Status.OK
    order = (place / "order").read_text().split()
    assert sorted(order) == list(NAMES), "each ran once"
    told = notes(site, jid)
    assert [note for note in told if note.startswith("batch 1:")] == [told[0]]


def test_a_broker_killed_in_the_middle_loses_nobody(site: Site, place: Path) -> None:
    """Everybody is cut off at once, comes back, and has had its turn once."""
    (place / "wait").touch()
    words = ("apply", "*", "app", "--batch", "2", "--check", "test.ping", "--async")
    jid = JobId(site.saltern(*words).stdout.strip())
    site.wait_for(lambda: (place / "order").exists(), "the first batch is at work")
    os.kill(site.broker, signal.SIGKILL)
    site.wait_until_up()
    site.wait_online(*NAMES)
    (place / "wait").unlink()
    for name in NAMES:
        assert site.wait_return(jid, name).status is Status.OK
    assert sorted((place / "order").read_text().split()) == list(NAMES)


def test_an_agent_killed_in_the_middle_counts_as_failed(site: Site, place: Path) -> None:
    (place / "wait").touch()
    words = ("apply", "*", "app", "--batch", "1", "--max-failures", "0", "--rollback", "--async")
    jid = JobId(site.saltern(*words).stdout.strip())
    site.wait_for(lambda: (place / "order").exists(), "the first is at work")
    site.agents["a"].kill()
    site.wait_target(jid, "b", Status.CANCELLED)
    assert site.targets(jid)["a"].status is not Status.OK
    (place / "wait").unlink()
    site.agents["a"].start()
    site.wait_online("a")
    assert apps(place)[1:] == ["old"] * 3


def test_a_plan_goes_round_in_batches_too(site: Site, place: Path) -> None:
    planned = site.saltern("plan", "*", "app", "--json")
    assert planned.returncode == 0, planned.stderr
    id = json.loads(planned.stdout.splitlines()[-1])["plan"]["id"]
    done = site.saltern("apply", "--plan", id, "--batch", "2", "--check", "test.ping", "--rollback")
    assert done.returncode == 0, done.stdout + done.stderr
    assert apps(place) == ["new"] * 4


def test_cancelled_it_ends(site: Site, place: Path) -> None:
    (place / "wait").touch()
    words = ("apply", "*", "app", "--batch", "1", "--check", "test.ping", "--async")
    jid = JobId(site.saltern(*words).stdout.strip())
    site.wait_for(lambda: (place / "order").exists(), "the first is at work")
    site.cancel(jid)
    assert site.watch(jid).statuses() == dict.fromkeys(NAMES, Status.CANCELLED)
    (place / "wait").unlink()


def test_what_makes_no_sense(site: Site) -> None:
    for words in (
        ["run", "*", "test.ping", "--rollback"],
        ["apply", "*", "--check-on", "a"],
        ["apply", "*", "--check", "'"],
        ["apply", "*", "--check", "test.ping", "--check-within", "never"],
    ):
        done = site.saltern(*words)
        assert done.returncode == 2, done.stdout + done.stderr
