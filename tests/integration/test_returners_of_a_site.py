"""Returners of a whole installation: dead for a job, slow, and a controller killed between."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from saltern.identity import tokens
from saltern.model.returner import ReturnerStatus, Tried, Undelivered
from saltern.model.status import Status
from saltern.testing.site import Site
from saltern.testing.swarm import Swarm
from saltern.transport.connection import Endpoint

pytestmark = pytest.mark.integration


class Receiver:
    """A webhook's other end: can be away, slow, or particular."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.poison = b"\0never"
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.hold.wait(60)
                status = 422 if receiver.poison in body else receiver.status
                if status == 200:
                    receiver.got += msgspec.json.decode(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def ids(self, jid: str) -> set[str]:
        """Return the agents whose returns of a job have come."""
        return {one["agent"] for one in self.got if one["jid"] == jid}

    def close(self) -> None:
        """Stop."""
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    returners = {
        "hook": {
            "kind": "webhook",
            "url": receiver.url,
            "functions": ["test.*"],
            "headers": {"X": "hunter2"},
        },
        "asked": {"kind": "file", "path": str(directory / "asked.jsonl"), "always": False},
    }
    with Site(directory, returners=returners) as made:
        made.add("a", "b")
        yield made


@pytest.fixture(autouse=True)
def well_again(receiver: Receiver) -> Iterator[None]:
    yield
    receiver.status, receiver.poison = 200, b"\0never"
    receiver.hold.set()


def status(site: Site, name: str) -> ReturnerStatus:
    return {one.name: one for one in site.api.get("/v1/returners", list[ReturnerStatus])}[name]


def run(site: Site, *words: str) -> str:
    """Run a job on both agents to its end; return its id."""
    site.wait_online("a", "b")
    done = site.saltern("run", "a,b", *words, "--json")
    lines = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert {line["status"] for line in lines} == {"ok"}, done
    return str(lines[0]["jid"])


def test_each_return_arrives_and_only_where_it_is_wanted(site: Site, receiver: Receiver) -> None:
    jid = run(site, "test.echo", "hello")
    site.wait_for(lambda: receiver.ids(jid) == {"a", "b"}, "both returns came")
    assert [one["data"] for one in receiver.got if one["jid"] == jid] == ["hello", "hello"]
    other = run(site, "grains.get", "id")
    jid = run(site, "test.ping", "--return", "asked")
    site.wait_for(lambda: receiver.ids(jid) == {"a", "b"}, "both returns came")
    asked = site.directory / "asked.jsonl"
    site.wait_for(lambda: asked.exists() and len(asked.read_text().splitlines()) == 2, "both are in the file")
    assert receiver.ids(other) == set()
    assert status(site, "hook").dropped == 0


def test_dead_for_a_whole_job_and_the_controller_killed_in_between(site: Site, receiver: Receiver) -> None:
    receiver.status = 503
    jid = run(site, "test.ping")
    site.wait_for(lambda: "503" in status(site, "hook").error, "it is told why")
    site.controller.kill()
    site.restart_controller()
    assert status(site, "hook").waiting == 2
    receiver.status = 200
    site.wait_for(lambda: receiver.ids(jid) == {"a", "b"}, "both returns came")
    site.wait_for(lambda: status(site, "hook").waiting == 0, "nothing waits any more")
    assert status(site, "hook").error == ""


def test_killed_during_a_delivery(site: Site, receiver: Receiver) -> None:
    receiver.hold.clear()
    jid = run(site, "test.ping")
    site.controller.kill()
    receiver.hold.set()
    site.restart_controller()
    site.wait_for(lambda: receiver.ids(jid) == {"a", "b"}, "both returns came")
    site.wait_for(lambda: status(site, "hook").waiting == 0, "nothing waits any more")


def test_a_slow_returner_slows_nobody(site: Site, receiver: Receiver) -> None:
    site.wait_online("a", "b")
    receiver.hold.clear()
    began = time.monotonic()
    jids = [run(site, "test.ping") for _ in range(3)]
    assert time.monotonic() - began < 15
    assert status(site, "hook").waiting >= 4
    receiver.hold.set()
    site.wait_for(lambda: all(receiver.ids(jid) == {"a", "b"} for jid in jids), "all returns came")


def test_a_thousand_returns_wait_for_a_slow_one_and_pings_stay_fast(site: Site, receiver: Receiver) -> None:
    count, rounds = 100, 10
    text = site.token(uses=count, ttl=600.0).text
    token = tokens.read(text)
    names = [f"swarm-{number}" for number in range(count)]
    with Swarm(Endpoint(token.urls, token.ca, token.host), token=text, enrol=names) as swarm:
        swarm.wait("ready", count)
        site.wait_online(*names)
        free = quickest(site, rounds)
        receiver.hold.clear()
        held = quickest(site, rounds)
        waiting = status(site, "hook").waiting
        receiver.hold.set()
    assert waiting >= count * rounds * 0.9
    assert held < 2 * free + 0.5, "jobs are slowed down by a returner that hangs"
    site.wait_for(lambda: status(site, "hook").waiting == 0, "all are delivered")
    jobs = {one["jid"] for one in receiver.got if one["agent"] == "swarm-1"}
    assert len(jobs) == 2 * rounds
    assert all(receiver.ids(jid) == set(names) for jid in jobs)


def quickest(site: Site, rounds: int) -> float:
    """Return the median of seconds that pings of the swarm take."""
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        assert set(site.run("swarm-*", "test.ping").statuses().values()) == {Status.OK}
        took.append(time.monotonic() - began)
    return sorted(took)[rounds // 2]


def test_poison_is_shown_and_can_be_tried_again(site: Site, receiver: Receiver) -> None:
    site.wait_for(lambda: status(site, "hook").waiting == 0, "nothing waits")
    receiver.poison = b'"agent":"a"'
    jid = run(site, "test.echo", "\x1b[31mred")
    site.wait_for(lambda: status(site, "hook").refused == 1, "one is refused")
    site.wait_for(lambda: receiver.ids(jid) == {"b"}, "the other arrived")
    [refused] = site.api.get("/v1/returners/hook/refused", list[Undelivered])
    assert (refused.jid, refused.name, refused.fun) == (jid, "a", "test.echo")
    shown = site.saltern("returner", "status", "hook")
    assert shown.returncode == 1
    assert "1 return refused" in shown.stdout
    assert "422" in shown.stdout
    receiver.poison = b"\0never"
    assert "1 return to be delivered" in site.saltern("returner", "retry", "hook").stdout
    site.wait_for(lambda: receiver.ids(jid) == {"a", "b"}, "it arrived after all")
    assert site.saltern("returner", "status", "hook").returncode == 0


def test_a_test_arrives_or_says_why_not(site: Site, receiver: Receiver) -> None:
    tried = site.api.ask("POST", "/v1/returners/hook/test", Tried)
    assert tried.error == ""
    assert receiver.got[-1]["agent"] == "saltern-returner-test"
    receiver.status = 404
    done = site.saltern("returner", "test", "hook")
    assert done.returncode == 1
    assert "404" in done.stderr
    assert "see `url`" in done.stderr


def test_names_that_are_wrong(site: Site) -> None:
    done = site.saltern("run", "*", "test.ping", "--return", "hok")
    assert done.returncode == 2
    assert "did you mean 'hook'?" in done.stderr
    assert site.saltern("returner", "status", "nobody").returncode == 3
    assert site.saltern("returner", "retry", "nobody").returncode == 3
    assert site.saltern("returner", "test", "nobody").returncode == 3


def test_secrets_are_shown_nowhere(site: Site) -> None:
    said = site.saltern("returner", "list").stdout + site.saltern("returner", "list", "--json").stdout
    assert "hook" in said
    assert "hunter2" not in said + site.controller.log(1000)


def test_a_rerun_goes_where_the_job_went(site: Site, receiver: Receiver) -> None:
    asked = site.directory / "asked.jsonl"
    before = len(asked.read_text().splitlines())
    jid = run(site, "test.ping", "--return", "asked")
    assert site.saltern("job", "rerun", jid).returncode == 0
    site.wait_for(lambda: len(asked.read_text().splitlines()) == before + 4, "the rerun is in the file, too")
    assert {line["status"] for line in map(msgspec.json.decode, asked.read_text().splitlines())} == {
        Status.OK
    }


def test_wrong_settings_are_told_at_the_start(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "etc/saltern").mkdir(parents=True)
    text = '{"returners": {"x": {"kind": "redsi"}}}'
    (tmp_path / "etc/saltern/controller.yaml").write_text(text)
    command = [str(Path(sys.executable).with_name("saltern")), "--root", str(tmp_path), "controller"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "returners.x" in done.stderr
    assert "did you mean 'redis'?" in done.stderr
