"""Answers that go on: in order, alive, bounded, and ended truthfully."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from saltern.api.limits import Limits
from saltern.api.server import serve
from saltern.api.stream import NDJSON, Writer
from saltern.cli.client import Client
from saltern.foundation.errors import Conflict, SalternError, Unavailable
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.model.system import Happening
from saltern.model.update import Settled, Update
from saltern.testing.controller import Answer, FakeController, agent_key, value
from saltern.testing.served import Served

Json = dict[str, Any]
Wait = Callable[[Callable[[], bool]], None]
JOB = {"target": "*", "fun": "test.ping"}


def connected(path: Path, head: str) -> socket.socket:
    """Send a request and return the connection."""
    channel = socket.socket(socket.AF_UNIX)
    channel.settimeout(10)
    channel.connect(str(path))
    channel.sendall(head.replace("\n", "\r\n").encode())
    return channel


def read_until(channel: socket.socket, what: bytes) -> bytes:
    """Return what comes, up to and with ``what``."""
    received = b""
    while what not in received:
        piece = channel.recv(65536)
        assert piece, f"closed before {what!r}: {received!r}"
        received += piece
    return received


@pytest.fixture
def held(api: Served, controller: FakeController) -> str:
    """A job that runs on three agents until it is settled."""
    controller.functions["test.sleep"] = lambda agent, request: Answer(held=True)
    return str(
        Client(api.path).ask("POST", "/v1/jobs", Json, body={"target": "web*", "fun": "test.sleep"})["jid"]
    )


def test_a_job_is_streamed_from_its_beginning_to_its_end(api: Served) -> None:
    """First the job, then a line for each target, last the end."""
    lines = [json.loads(line) for line in Client(api.path).lines("POST", "/v1/jobs?stream=true", body=JOB)]
    assert (lines[0]["event"], lines[0]["targets"], lines[0]["job"]["fun"]) == ("job", 4, "test.ping")
    returns = {line["name"]: line["status"] for line in lines if line["event"] == "return"}
    assert returns == {"web1": "ok", "web2": "ok", "web3": "ok", "db1": "offline"}
    assert lines[-1] == {"event": "end", "jid": lines[0]["job"]["jid"], "counts": {"ok": 3, "offline": 1}}


def test_output_comes_only_to_who_asks(api: Served, controller: FakeController) -> None:
    """``output=true`` adds what running functions print."""
    controller.functions["loud"] = lambda agent, request: value(1, output=(("stdout", "hello\n"),))
    body = {"target": "web1", "fun": "loud"}
    query = {"stream": True, "output": True}
    lines = [json.loads(line) for line in Client(api.path).lines("POST", "/v1/jobs", query=query, body=body)]
    assert [line["data"] for line in lines if line["event"] == "progress"] == ["hello\n"]
    again = Client(api.path).lines("GET", f"/v1/jobs/{lines[0]['job']['jid']}/events")
    assert not any(b'"progress"' in line for line in again)


def test_server_sent_events(api: Served, controller: FakeController) -> None:
    """With that Accept header each line has its name before it."""
    jid = Client(api.path).ask("POST", "/v1/jobs", Json, body=JOB)["jid"]
    request = f"GET /v1/jobs/{jid}/events HTTP/1.1\nHost: localhost\nAccept: text/event-stream\n\n"
    with connected(api.path, request) as channel:
        received = read_until(channel, b"event: end\n").decode()
    assert "Content-Type: text/event-stream" in received
    assert 'event: return\ndata: {"event":"return"' in received
    assert received.index("event: job\n") < received.index("event: return\n")


class TestQuiet:
    """When nothing happens for a while."""

    @pytest.fixture
    def limits(self) -> Limits:
        """A sign of life at once."""
        return Limits(quiet=0.05)

    def test_a_sign_of_life_is_sent(self, api: Served, held: str, controller: FakeController) -> None:
        """An empty line, that clients skip; then the rest."""
        with connected(api.path, f"GET /v1/jobs/{held}/events HTTP/1.1\nHost: localhost\n\n") as channel:
            read_until(channel, b"1\r\n\n\r\n")
            for name in ("web1", "web2", "web3"):
                api.do(partial(controller.settle, JobId(held), name, value(name)))
            assert b'"event":"end"' in read_until(channel, b'"end"')


def test_a_client_that_leaves_is_forgotten(
    api: Served, held: str, controller: FakeController, wait: Wait
) -> None:
    """The watcher is freed, though nothing more happens in the job."""
    with connected(api.path, f"GET /v1/jobs/{held}/events HTTP/1.1\nHost: localhost\n\n") as channel:
        read_until(channel, b'"job"')
        assert controller.watching == 1
    wait(lambda: controller.watching == 0)


class TestStalled:
    """A client that connects and never reads."""

    @pytest.fixture
    def limits(self) -> Limits:
        """Little patience."""
        return Limits(stall=0.3)

    def test_it_is_left_and_nobody_waits_for_it(
        self, api: Served, controller: FakeController, wait: Wait
    ) -> None:
        """Others are answered meanwhile; then its watcher is freed."""
        taken: list[int] = []

        async def endless(jid: JobId, *, output: bool = False) -> AsyncIterator[Update]:
            try:
                while True:
                    taken.append(1)
                    yield Settled(jid=jid, key=AgentKey("U"), name="x" * 60_000, status=Status.OK)
                    await asyncio.sleep(0)
            finally:
                taken.append(-1)

        jid = Client(api.path).ask("POST", "/v1/jobs", Json, body=JOB)["jid"]
        controller.watch = endless  # type: ignore[method-assign]
        with connected(api.path, f"GET /v1/jobs/{jid}/events HTTP/1.1\nHost: localhost\n\n"):
            wait(lambda: len(taken) > 10)
            assert Client(api.path).get("/v1/status", Json)["online"] == 3
            wait(lambda: taken[-1] == -1)
        assert sum(taken) < 3000  # a bounded number of lines was taken for a client that read none


def test_a_return_of_any_size_arrives_whole(api: Served, controller: FakeController) -> None:
    """20 MB, in pieces; the stream of the job only tells its size."""
    text = "é" * 10_000_000
    controller.functions["big"] = lambda agent, request: value(text)
    body = {"target": "web1", "fun": "big"}
    lines = [json.loads(line) for line in Client(api.path).lines("POST", "/v1/jobs?stream=true", body=body)]
    (settled,) = [line for line in lines if line["event"] == "return"]
    assert settled["size"] == 20_000_002
    assert "data" not in settled
    path = f"/v1/jobs/{settled['jid']}/returns"
    assert json.loads(b"".join(Client(api.path).pieces(f"{path}/web1"))) == text
    assert json.loads(b"".join(Client(api.path).pieces(f"{path}/{agent_key('web1')}"))) == text


def test_who_returned_nothing(api: Served) -> None:
    """An offline target and a stranger to the job are told apart from an empty answer."""
    jid = Client(api.path).ask("POST", "/v1/jobs", Json, body=JOB)["jid"]
    for name in ("db1", "web9", "..%2F..%2Fetc"):
        with pytest.raises(SalternError) as caught:
            list(Client(api.path).pieces(f"/v1/jobs/{jid}/returns/{name}"))
        assert getattr(caught.value, "kind", "") == "not_found"


def test_a_return_that_breaks_off_is_not_taken_for_whole(
    api: Served, controller: FakeController, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection is cut, so that half a return cannot be mistaken for a whole one."""

    async def broken(jid: JobId, key: AgentKey) -> AsyncIterator[bytes]:
        yield b'"half'
        raise OSError("disk gone")

    jid = Client(api.path).ask("POST", "/v1/jobs", Json, body=JOB)["jid"]
    controller.data = broken  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="went away"):
        list(Client(api.path).pieces(f"/v1/jobs/{jid}/returns/web1"))
    assert "disk gone" in caplog.text


def test_a_stream_that_fails_says_so_in_its_last_line(api: Served, controller: FakeController) -> None:
    """The status was sent long ago; the line tells code, message and hint."""

    async def failing(jid: JobId, names: str | None) -> AsyncIterator[Settled]:
        raise Unavailable("the database does not answer", hint="look at the disk")
        yield

    jid = Client(api.path).ask("POST", "/v1/jobs", Json, body=JOB)["jid"]
    controller.returns = failing  # type: ignore[method-assign]
    (line,) = Client(api.path).lines("GET", f"/v1/jobs/{jid}/returns")
    assert json.loads(line)["error"]["message"] == "the database does not answer"


def test_returns_by_name(api: Served) -> None:
    """A glob narrows the returns."""
    jid = Client(api.path).ask("POST", "/v1/jobs", Json, body=JOB)["jid"]
    lines = Client(api.path).lines("GET", f"/v1/jobs/{jid}/returns", query={"match": "*1"})
    assert [json.loads(line)["name"] for line in lines] == ["db1", "web1"]


def test_events(api: Served, controller: FakeController, wait: Wait) -> None:
    """What happens from now on, with a tag like the pattern."""
    stream = Client(api.path).lines("GET", "/v1/events", query={"pattern": "agent/*"})
    with connected(api.path, "GET /v1/events?pattern=agent%2F* HTTP/1.1\nHost: localhost\n\n") as channel:
        wait(lambda: controller.watching == 1)
        api.do(lambda: controller.happen(Happening(at=1.0, tag="job/new")))
        api.do(lambda: controller.happen(Happening(at=2.0, tag="agent/start", name="web1", data={"n": 1})))
        received = read_until(channel, b"web1")
    assert b"job/new" not in received
    stream.close()  # type: ignore[attr-defined]


def test_what_was_begun_is_ended_though_the_client_left(
    api: Served, controller: FakeController, wait: Wait
) -> None:
    """A job is dispatched whole or not at all, whoever hangs up meanwhile."""
    entered, released = [], asyncio.Event()
    run = controller.run

    async def slowly(decision: Any, request: Any) -> Any:
        entered.append(True)
        await released.wait()
        return await run(decision, request)

    controller.run = slowly  # type: ignore[method-assign]
    body = json.dumps(JOB)
    head = "POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Type: application/json\n"
    head += f"Content-Length: {len(body)}\n\n"
    with connected(api.path, head + body):
        wait(lambda: bool(entered))
    api.do(released.set)
    wait(lambda: bool(controller.decisions))


def test_stopping_tells_those_who_watch(api: Served, held: str) -> None:
    """The stream ends with a line that says why, and the socket is gone."""
    with connected(api.path, f"GET /v1/jobs/{held}/events HTTP/1.1\nHost: localhost\n\n") as channel:
        read_until(channel, b'"job"')
        api.down()
        assert b'"code":"unavailable"' in read_until(channel, b"stopping")
    assert not api.path.exists()


def test_two_controllers_cannot_share_a_socket(api: Served, controller: FakeController) -> None:
    """The second is refused; what a killed one left behind is replaced."""
    with pytest.raises(Conflict, match="already serves"):
        asyncio.run(serve(controller, api.path))
    assert Client(api.path).get("/v1/status", Json)["online"] == 3


def test_a_dead_socket_is_replaced(controller: FakeController, tmp_path: Path) -> None:
    """As ``kill -9`` leaves it; also when its path is longer than a socket's address may be."""
    path = tmp_path / ("long" * 30) / "api.sock"
    path.parent.mkdir()
    short = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short))
    short.rename(path)

    async def start_and_stop() -> None:
        server = await serve(controller, path)
        online = await asyncio.to_thread(lambda: Client(path).get("/v1/status", Json)["online"])
        assert online == 3
        await server.close()

    asyncio.run(start_and_stop())
    assert not path.exists()


def test_many_lines_are_sent_in_few_writes() -> None:
    """10,000 returns that are there already cost few system calls."""

    async def everything() -> AsyncIterator[Settled]:
        for number in range(10_000):
            yield Settled(jid=JobId("1"), key=AgentKey(str(number)), name="x", status=Status.OK)

    async def write() -> list[bytes]:
        written: list[bytes] = []

        async def send(data: bytes) -> None:
            written.append(data)

        stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await Writer(send, NDJSON, stopping, quiet=10, stall=10).run(everything())
        return written

    written = asyncio.run(write())
    assert b"".join(written).count(b"\n") == 10_000
    assert len(written) < 200
