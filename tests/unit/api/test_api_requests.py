"""What is asked, and how wrong questions are answered."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from saltern.api.limits import Limits
from saltern.cli.http import Exchange
from saltern.model.agent import KeyState
from saltern.model.job import Rollout
from saltern.model.status import Status
from saltern.testing.conditions import eventually
from saltern.testing.controller import Answer, FakeController, agent_key, value
from saltern.testing.served import Served, served


def ask(api: Served, method: str, target: str, body: Any = None) -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    exchange = Exchange(api.path, silence=10)
    try:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        exchange.ask(method, target, data)
        return exchange.status, json.loads(b"".join(exchange.body()))
    finally:
        exchange.close()


def raw(path: Path, data: bytes) -> tuple[int, Any]:
    """Send bytes as they are; return the status and the JSON of the answer."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(10)
        channel.connect(str(path))
        channel.sendall(data)
        channel.shutdown(socket.SHUT_WR) if data.endswith(b"!") else None
        received = b""
        while b"\r\n\r\n" not in received or not received.endswith(b"}"):
            piece = channel.recv(65536)
            if not piece:
                break
            received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest)


def run(api: Served, **fields: Any) -> Any:
    """Start a job and return it."""
    status, job = ask(api, "POST", "/v1/jobs", {"target": "*", "fun": "test.ping", **fields})
    assert status == 202
    return job


def test_a_job_is_started_with_exactly_what_was_asked(api: Served, controller: FakeController) -> None:
    """The decision carries the resolved agents and the arguments; the controller gets the same."""
    job = run(api, target="web*", args=[1, "x"], kwargs={"a": None}, timeout=5, queue=60)
    decision = controller.decisions[0]
    assert list(decision.targets.members.values()) == ["web1", "web2", "web3"]
    assert decision.arguments == {
        "fun": "test.ping",
        "args": (1, "x"),
        "kwargs": {"a": None},
        "timeout": 5.0,
        "queue": 60.0,
        "rollout": None,
        "returners": (),
    }
    assert (job["args"], job["kwargs"], job["timeout"]) == ([1, "x"], {"a": None}, 5.0)
    assert ask(api, "GET", f"/v1/jobs/{job['jid']}") == (200, job)


def test_a_subset_is_decided_and_a_rollout_is_passed_on(api: Served, controller: FakeController) -> None:
    """The decision is about the chosen few, not about all who match."""
    rollout = {"batch": "1", "wait": 0.0, "max_failures": "10%"}
    run(api, target="web*", subset=2, rollout=rollout)
    decision = controller.decisions[0]
    assert len(decision.targets.members) == 2
    assert set(decision.targets.members.values()) < {"web1", "web2", "web3"}
    assert decision.arguments["rollout"] == Rollout(batch="1", max_failures="10%")


def test_nobody_is_never_everybody(api: Served, controller: FakeController) -> None:
    """An empty target is an error, and nothing is sent."""
    status, answer = ask(api, "POST", "/v1/jobs", {"target": "nobody*", "fun": "test.ping"})
    assert (status, answer["error"]["code"]) == (404, "no_match")
    assert controller.decisions == []


@pytest.mark.parametrize(
    ("body", "message", "hint", "where"),
    [
        ({"targt": "*"}, "unknown field 'targt'", "did you mean 'target'?", ""),
        ({"target": "*"}, "Object missing required field `fun`", "known: target", ""),
        ({"target": "*", "fun": "a", "timeout": "x"}, "Expected `float | null`, got `str`", "", "timeout"),
        ({"target": "*", "fun": "a", "timeout": 0}, "Expected `float` > 0.0", "", "timeout"),
        ({"target": "", "fun": "a"}, "Expected `str` of length >= 1", "", "target"),
        ([], "Expected `object`, got `array`", "", ""),
        (b"{", "the body is not JSON", "", ""),
        (b'{"target": "\xff"}', "the body is not JSON", "", ""),
        (b'{"target":"*","fun":"a","args":' + b"[" * 100_000, "the body is not JSON", "", ""),
    ],
)
def test_a_wrong_body_is_explained(api: Served, body: Any, message: str, hint: str, where: str) -> None:
    """What is wrong, where, and what to write instead."""
    status, answer = ask(api, "POST", "/v1/jobs", body)
    error = answer["error"]
    assert (status, error["code"], error["where"]) == (400, "usage", where)
    assert message in error["message"]
    assert hint in error["hint"]


@pytest.mark.parametrize(
    ("target", "code", "hint"),
    [
        ("/v1/jobs?limt=1", "usage", "did you mean 'limit'?"),
        ("/v1/jobs?limit=x", "usage", ""),
        ("/v1/jobs?limit=1001", "usage", ""),
        ("/v1/jobs?status=okk", "usage", ""),
        ("/v1/status?x=1", "usage", "there is no query parameter here"),
        ("/v1/jobs/17/targets", "usage", "20 digits"),
        ("/v1/jobs/20250101000000000000", "not_found", ""),
        ("/v1/jobs/20250101000000000000/events", "not_found", ""),
        ("/v1/jobs/20250101000000000000/returns", "not_found", ""),
        ("/v1/jobs/../../etc/passwd", "no_route", ""),
        ("/v1/agent", "no_route", "did you mean '/v1/agents'?"),
        ("/v1/target?expression=%2A&kind=glbo", "usage", ""),
    ],
)
def test_a_wrong_question_is_explained(api: Served, target: str, code: str, hint: str) -> None:
    """Paths and query parameters are as strict as bodies."""
    _, answer = ask(api, "GET", target)
    assert answer["error"]["code"] == code
    assert hint in answer["error"]["hint"]


def test_a_wrong_method_names_the_right_ones(api: Served) -> None:
    """405, with what is possible."""
    status, answer = ask(api, "DELETE", "/v1/jobs")
    assert (status, answer["error"]["hint"]) == (405, "possible: GET, POST")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Host: evil.example.com\r\n", 421),
        (b"", 400),
        (b"Host: localhost\r\nOrigin: https://evil.example.com\r\n", 421),
        (b"Host: localhost:80\r\n", 200),
        (b"Host: saltern\r\n", 200),
    ],
)
def test_pages_of_other_sites_are_refused(api: Served, headers: bytes, status: int) -> None:
    """A browser that was led here says so in Host or Origin."""
    assert raw(api.path, b"GET /v1/status HTTP/1.1\r\n" + headers + b"\r\n")[0] == status


def post(body: bytes, headers: bytes) -> bytes:
    """Return a POST of a job as bytes."""
    length = b"Content-Length: " + str(len(body)).encode() + b"\r\n"
    return b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n" + headers + length + b"\r\n" + body


def test_only_plain_json_is_read(api: Served) -> None:
    """A form a browser may send across sites, and a compressed body, are refused unread."""
    form = post(b'{"target":"*"}', b"Content-Type: text/plain\r\n")
    bomb = post(gzip.compress(b"{}"), b"Content-Type: application/json\r\nContent-Encoding: gzip\r\n")
    assert raw(api.path, form)[0] == 415
    assert raw(api.path, bomb)[0] == 415


def test_a_body_larger_than_the_limit_is_refused(api: Served, controller: FakeController) -> None:
    """One byte more than the limit is too much."""
    status, answer = ask(api, "POST", "/v1/jobs", b" " * (Limits().body + 1))
    assert (status, answer["error"]["code"]) == (413, "too_large")


class TestSlowClients:
    """Clients that begin and do not go on."""

    @pytest.fixture
    def limits(self) -> Limits:
        """Short times."""
        return Limits(header_time=0.3, body_time=0.3)

    def test_a_body_that_does_not_come(self, api: Served) -> None:
        """408 when its time is over."""
        begun = post(b"{", b"Content-Type: application/json\r\n").replace(b"Length: 1", b"Length: 9")
        status, answer = raw(api.path, begun)
        assert (status, answer["error"]["code"]) == (408, "too_slow")

    def test_a_header_that_does_not_end(self, api: Served) -> None:
        """The connection is closed."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(10)
            channel.connect(str(api.path))
            channel.sendall(b"GET /v1/status HTTP/1.1\r\nHost: loc")
            assert channel.recv(100) == b""


def test_a_fault_of_ours_shows_nothing_of_the_inside(
    api: Served, controller: FakeController, caplog: pytest.LogCaptureFixture
) -> None:
    """500 and a pointer to the log; the log has the traceback."""

    def broken(expression: str, kind: str, delimiter: str) -> Any:
        raise ZeroDivisionError

    controller.resolve = broken  # type: ignore[assignment,method-assign]
    status, answer = ask(api, "POST", "/v1/jobs", {"target": "*", "fun": "test.ping"})
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert "division" not in str(answer)
    assert "ZeroDivisionError" in caplog.text


def test_jobs_are_listed_in_pages(api: Served) -> None:
    """``next`` leads from page to page, to None."""
    jids = [run(api)["jid"] for _ in range(5)]
    seen: list[str] = []
    following: str | None = ""
    while following is not None:
        _, page = ask(api, "GET", "/v1/jobs?limit=2" + (f"&before={following}" if following else ""))
        seen += [job["jid"] for job in page["jobs"]]
        following = page["next"]
    assert seen == jids[::-1]


def test_targets_by_status(api: Served) -> None:
    """The filter narrows the list, not the counts."""
    jid = run(api)["jid"]
    _, answer = ask(api, "GET", f"/v1/jobs/{jid}/targets?status=offline,lost")
    assert [target["name"] for target in answer["targets"]] == ["db1"]
    assert answer["counts"] == {"ok": 3, "offline": 1}
    _, wrong = ask(api, "GET", f"/v1/jobs/{jid}/targets?status=offlin")
    assert wrong["error"]["hint"] == "did you mean 'offline'?"


def test_cancel(api: Served, controller: FakeController) -> None:
    """What has not ended is cancelled, and the tally told."""
    controller.functions["test.sleep"] = lambda agent, request: Answer(held=True)
    jid = run(api, fun="test.sleep")["jid"]
    assert ask(api, "POST", f"/v1/jobs/{jid}/cancel") == (200, {"counts": {"cancelled": 3, "offline": 1}})


def test_rerun_takes_the_agents_of_then_that_are_still_ours(api: Served, controller: FakeController) -> None:
    """Not who matches the expression now; and the function is decided about again."""
    controller.functions["flaky"] = lambda agent, request: (
        value(1) if agent.name == "web1" else Answer(status=Status.FAILED, retcode=1)
    )
    jid = run(api, fun="flaky", args=[7])["jid"]
    controller.add("web4")
    del controller.fleet[agent_key("web3")]
    status, again = ask(api, "POST", f"/v1/jobs/{jid}/rerun", {"failed": True})
    assert (status, again["fun"], again["args"]) == (202, "flaky", [7])
    decision = controller.decisions[-1]
    assert sorted(decision.targets.members.values()) == ["db1", "web2"]
    assert decision.arguments["fun"] == "flaky"


def test_rerun_of_what_went_well_runs_nothing(api: Served, controller: FakeController) -> None:
    """No target is left, so nothing is sent."""
    jid = run(api, target="web*")["jid"]
    status, answer = ask(api, "POST", f"/v1/jobs/{jid}/rerun", {"failed": True})
    assert (status, answer["error"]["code"]) == (404, "no_match")
    assert len(controller.decisions) == 1


def test_a_target_is_resolved_without_doing_anything(api: Served, controller: FakeController) -> None:
    """Names and keys of exactly who is meant."""
    _, answer = ask(api, "GET", "/v1/target?expression=web1%2Cdb1")
    assert answer["members"] == {agent_key("db1"): "db1", agent_key("web1"): "web1"}
    assert controller.decisions == []


def test_agents_by_presence_and_name(api: Served, controller: FakeController) -> None:
    """Accepted agents alone."""
    controller.add("new", state=KeyState.PENDING)

    def names(query: str) -> list[str]:
        return [agent["name"] for agent in ask(api, "GET", f"/v1/agents{query}")[1]]

    assert names("") == ["db1", "web1", "web2", "web3"]
    assert names("?online=false") == ["db1"]
    assert names("?match=web%5B12%5D&online=true") == ["web1", "web2"]


def test_a_glob_changes_only_keys_it_may(api: Served, controller: FakeController) -> None:
    """``accept *`` lets in who waits, and does not touch who was revoked."""
    controller.add("new1", "new2", state=KeyState.PENDING)
    controller.add("old", state=KeyState.REVOKED)
    status, changed = ask(api, "POST", "/v1/keys/accept", {"match": "*"})
    assert (status, [(agent["name"], agent["state"]) for agent in changed]) == (
        200,
        [("new1", "accepted"), ("new2", "accepted")],
    )
    assert controller.decisions[0].arguments == {"verb": "accept"}


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("accept", {}, 400),
        ("accept", {"match": "*", "keys": ["x"]}, 400),
        ("accept", {"keys": ["x"]}, 404),
        ("accept", {"match": "web1"}, 404),
        ("acept", {"match": "*"}, 404),
        ("accept", {"keys": [agent_key("old")]}, 409),
    ],
)
def test_wrong_changes_of_keys_change_nothing(
    api: Served, controller: FakeController, verb: str, body: Any, status: int
) -> None:
    """Neither or both ways to name keys, unknown keys, unknown verbs, states that forbid it."""
    controller.add("old", state=KeyState.REVOKED)
    before = dict(controller.fleet)
    assert ask(api, "POST", f"/v1/keys/{verb}", body)[0] == status
    assert controller.fleet == before


def test_a_token_shows_its_secret_once(api: Served, controller: FakeController) -> None:
    """In the answer that made it, and nowhere else."""
    body = {"ttl": 60, "uses": None, "id_pattern": "web*", "grains": {"role": "web"}}
    status, made = ask(api, "POST", "/v1/tokens", body)
    assert (status, made["uses"]) == (201, None)
    _, listed = ask(api, "GET", "/v1/tokens")
    assert listed[0]["grains"] == {"role": "web"}
    assert made["text"] not in json.dumps(listed)
    assert ask(api, "DELETE", f"/v1/tokens/{made['id']}")[1]["revoked"] is not None
    assert ask(api, "DELETE", "/v1/tokens/other")[0] == 404


def test_status_and_audit(api: Served) -> None:
    """The controller's health and its audit log's."""
    assert ask(api, "GET", "/v1/status")[1]["online"] == 3
    assert ask(api, "GET", "/v1/audit/verify")[1]["whole"] is True


def upload(api: Served, query: str, body: bytes, *, length: int | None = None, media: str = "") -> Any:
    """Send a file as bytes on the wire; return status and JSON of the answer."""
    length = len(body) if length is None else length
    head = f"POST /v1/files?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
    head += f"Content-Type: {media or 'application/octet-stream'}\r\n\r\n"
    return raw(api.path, head.encode() + body)


def test_a_file_is_taken_as_it_is(api: Served, controller: FakeController) -> None:
    """Bytes, whatever they are, decided about as the job that will give it to agents."""
    status, answer = upload(api, "target=web*&size=4", b"\x00\xff{?")
    assert status == 201
    assert controller.files.uploads[answer["sha256"]] == b"\x00\xff{?"
    assert list(controller.decisions[0].targets.members.values()) == ["web1", "web2", "web3"]


@pytest.mark.parametrize(
    ("query", "body", "media", "status"),
    [
        ("size=1", b"x", "", 400),
        ("target=web1", b"x", "", 400),
        ("target=web1&size=-1", b"x", "", 400),
        ("target=nobody&size=1", b"x", "", 404),
        ("target=web1&size=1", b"x", "application/json", 415),
        ("target=web1&size=1", b"xy", "", 400),
        ("target=web1&size=3", b"xy", "", 400),
    ],
)
def test_files_that_are_not_taken(
    api: Served, controller: FakeController, query: str, body: bytes, media: str, status: int
) -> None:
    """Each with the reason; nothing is kept."""
    assert upload(api, query, body, media=media)[0] == status
    assert controller.files.uploads == {}


def test_a_file_that_does_not_come_on_is_not_waited_for(controller: FakeController, tmp_path: Path) -> None:
    """Who sends nothing more is told so."""
    with served(controller, tmp_path / "slow.sock", Limits(body_time=0.3)) as slow:
        status, answer = upload(slow, "target=web1&size=100", b"x", length=100)
    assert (status, answer["error"]["code"]) == (408, "too_slow")
    assert controller.files.uploads == {}


def test_who_goes_away_in_the_middle_leaves_nothing(
    api: Served, controller: FakeController, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a file nor an error in the log; the next is served."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(api.path))
        head = "POST /v1/files?target=web1&size=100 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
        channel.sendall(head.encode() + b"Content-Type: application/octet-stream\r\n\r\nx")
        eventually(lambda: controller.decisions, what="the file is on its way")
    assert upload(api, "target=web1&size=1", b"x")[0] == 201
    assert list(controller.files.uploads.values()) == [b"x"]
    assert not caplog.records
