"""The controller looks after its broker, and knows who is there whatever happens to either."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.foundation.errors import Unavailable
from saltern.model.status import Status
from saltern.testing.intruder import as_controller, listen, until
from saltern.testing.site import Site

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as made:
        made.add("a", "b")
        yield made


def test_a_killed_broker_is_started_again(site: Site) -> None:
    broker, seen = site.broker, len(site.events)
    os.kill(broker, signal.SIGKILL)
    event = site.wait_event("broker/restarted", since=seen)
    assert "SIGKILL" in event.data["reason"]
    site.wait_for(lambda: site.broker not in (0, broker), "there is another")
    site.wait_online("a", "b")
    assert set(site.run("*", "test.ping").statuses().values()) == {Status.OK}


@pytest.mark.timeout(180)
def test_a_broker_that_hangs_is_started_again(site: Site) -> None:
    broker, seen = site.broker, len(site.events)
    os.kill(broker, signal.SIGSTOP)
    event = site.wait_event("broker/restarted", since=seen, within=120)
    assert "did not answer" in event.data["reason"]
    assert site.broker != broker
    site.wait_online("a", "b", within=120)
    assert set(site.run("*", "test.ping").statuses().values()) == {Status.OK}


def test_a_killed_controller_leaves_no_broker_and_the_next_knows_who_is_there(site: Site) -> None:
    site.controller.kill()
    site.wait_for(lambda: not site.processes("nats-server"), "its broker ends")
    assert site.agents["a"].pid
    assert site.agents["b"].pid
    site.agents["b"].stop()
    site.restart_controller()
    site.wait_online("a")
    assert site.online() == {"a"}
    assert site.run("*", "test.ping").statuses() == {"a": Status.OK, "b": Status.OFFLINE}
    site.agents["b"].start()
    site.wait_online("b")
    assert set(site.run("*", "test.ping").statuses().values()) == {Status.OK}


def test_a_controller_that_is_asked_to_end_leaves_nothing(site: Site) -> None:
    assert site.controller.stop() == 0
    assert not site.processes("nats-server")
    assert not site.controller.layout.socket.exists()
    site.restart_controller()
    site.wait_online("a", "b")


def test_a_second_controller_on_the_same_state_is_refused(site: Site) -> None:
    done = site.saltern("controller")
    assert done.returncode != 0
    assert "runs here already" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_on_disk_is_for_others(site: Site) -> None:
    site.run("*", "cmd.run", "head -c 2000000 /dev/zero | tr '\\0' x")
    state = [program.layout.root / "var/lib/saltern" for program in (site.controller, *site.agents.values())]
    for part in state:
        assert (part.parent / "saltern").is_dir()
        for directory, _, files in os.walk(part):
            for name in files:
                mode = (Path(directory) / name).lstat().st_mode
                assert not mode & 0o077, f"{directory}/{name} is {stat.filemode(mode)}"
        for private in part.iterdir():
            assert not private.stat().st_mode & 0o077, f"{private} can be entered"


def test_the_audit_log_is_whole_after_all_this(site: Site) -> None:
    done = site.saltern("audit", "verify")
    assert done.returncode == 0, done.stderr


def test_who_waits_for_an_answer_does_not_wait_for_a_dead_broker(site: Site) -> None:
    site.wait_online("a", "b")

    async def ask() -> None:
        async with as_controller(site, site.agents["a"]) as connection:
            heard = await listen(connection, "nobody.answers")
            asking = asyncio.ensure_future(connection.request("nobody.answers", b"?", 600))
            await until(lambda: heard.messages, "it is asked")
            os.kill(site.broker, signal.SIGKILL)
            ended, _ = await asyncio.wait({asking}, timeout=60)
            assert ended, "it waits on"
            assert isinstance(asking.exception(), Unavailable)

    asyncio.run(ask())
    site.wait_online("a", "b")
