"""Each kind of returner against something that takes its protocol at its word."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import socket
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import pytest
from aiohttp import web

from saltern.controller.returners import Delivery, Returner, Undeliverable, build
from saltern.foundation.errors import Unavailable
from saltern.identity import certificates
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status
from saltern.testing.postgresql import PostgreSQL
from saltern.testing.stored import agent_key, job_id

T = TypeVar("T")


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


HOSTILE = 'x"\n\x1b[31m\0</script>é\u202e'


def delivery(number: int, data: Any = 1, **fields: Any) -> Delivery:
    """Return the return of agent ``number``."""
    jid, key = JobId(job_id(1)), AgentKey(agent_key(number))
    raw = msgspec.json.encode(data)
    given: dict[str, Any] = {"fun": "cmd.run", "status": Status.OK, "retcode": 0, "finished": 1.5, **fields}
    return Delivery(
        id=f"{jid}.{key}", jid=jid, key=key, agent=f"web{number}.example", created=1.0, size=len(raw),
        data=msgspec.Raw(raw), **given,
    )  # fmt: skip


def batch(count: int) -> list[Delivery]:
    return [delivery(number, {"n": number, "text": HOSTILE}) for number in range(count)]


def made(kind: str, **given: Any) -> Returner:
    return build("there", {"kind": kind, **given})[1]


# --- file ---------------------------------------------------------------------------------------------


def lines(path: Path) -> list[Any]:
    return [msgspec.json.decode(line) for line in path.read_bytes().split(b"\n")[:-1]]


def test_file_holds_a_line_for_each_and_nobody_else_may_read_it(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "returns.jsonl"
    returner = made("file", path=str(path))
    run(returner.deliver(batch(3)))
    run(returner.deliver(batch(2)))
    assert [line["data"]["n"] for line in lines(path)] == [0, 1, 2, 0, 1]
    assert lines(path)[0]["data"]["text"] == HOSTILE
    assert lines(path)[0]["id"] == delivery(0).id
    assert path.stat().st_mode & 0o777 == 0o600


def test_file_is_rotated_and_the_oldest_go(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "r"
    returner = made("file", path=str(path), max_bytes=10, files=2)
    for number in range(5):
        run(returner.deliver([delivery(number)]))
    kept = [lines(tmp_path / name)[0]["agent"] for name in ("r", "r.1", "r.2")]
    assert kept == ["web4.example", "web3.example", "web2.example"]
    assert len(list(tmp_path.iterdir())) == 3


def test_file_ends_half_a_line_that_a_crash_left(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(b'{"half":')
    run(made("file", path=str(path)).deliver(batch(1)))
    assert path.read_bytes().split(b"\n")[0] == b'{"half":'
    assert msgspec.json.decode(path.read_bytes().split(b"\n")[1])["fun"] == "cmd.run"


def test_file_follows_no_link_and_waits_for_its_directory(run: Run, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("")
    (tmp_path / "r").symlink_to(tmp_path / "target")
    with pytest.raises(Unavailable):
        run(made("file", path=str(tmp_path / "r"), files=0).deliver(batch(1)))
    assert (tmp_path / "target").read_text() == ""
    with pytest.raises(Unavailable, match="No such file"):
        run(made("file", path=str(tmp_path / "no" / "r")).deliver(batch(1)))


def test_file_that_is_a_pipe_hangs_nobody(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unavailable):
        run(made("file", path=str(tmp_path / "pipe")).deliver(batch(1)))


# --- HTTP ---------------------------------------------------------------------------------------------

Answer = Callable[[web.BaseRequest, bytes], tuple[int, bytes]]


@asynccontextmanager
async def http(answer: Answer) -> AsyncIterator[str]:
    """Serve ``answer``; yield the URL."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        status, body = answer(request, await request.read())
        return web.Response(status=status, body=body, headers={"Location": "/elsewhere"})

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def to_http(kind: str, answer: Answer, items: Sequence[Delivery], **given: Any) -> None:
    async with http(answer) as url:
        returner = made(kind, url=url, **given)
        try:
            await returner.deliver(items)
        finally:
            await returner.close()


def test_webhook_posts_an_array_that_is_signed(run: Run) -> None:
    seen: list[tuple[web.BaseRequest, bytes]] = []

    def answer(request: web.BaseRequest, body: bytes) -> tuple[int, bytes]:
        seen.append((request, body))
        return 204, b""

    headers = {"X-Key": "k"}
    run(to_http("webhook", answer, batch(3), secret="s3cret", headers=headers, username="u", password="p"))
    [(request, body)] = seen
    digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert request.headers["X-Saltern-Signature"] == f"sha256={digest}"
    assert request.headers["X-Key"] == "k"
    assert request.headers["Authorization"].startswith("Basic ")
    assert [one["data"]["n"] for one in msgspec.json.decode(body)] == [0, 1, 2]


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 408, 425, 429, 500, 503])
@pytest.mark.parametrize("kind", ["webhook", "elasticsearch"])
def test_http_that_may_go_well_later(run: Run, kind: str, status: int) -> None:
    hits: list[str] = []

    def answer(request: web.BaseRequest, body: bytes) -> tuple[int, bytes]:
        hits.append(str(request.rel_url))
        return status, b'{"error": {"reason": "because"}}'

    with pytest.raises(Unavailable, match=f"{status}: because"):
        run(to_http(kind, answer, batch(1)))
    assert len(hits) == 1, "a redirect was followed"


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("kind", ["webhook", "elasticsearch"])
def test_http_that_never_will(run: Run, kind: str, status: int) -> None:
    with pytest.raises(Undeliverable, match="too <odd>") as caught:
        run(to_http(kind, lambda request, body: (status, b"too\n <odd>"), batch(2)))
    assert not caught.value.refused


def test_http_nobody_listens(run: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unavailable, match="does not answer"):
            run(_once(made("webhook", url=url, headers={"A": "hunter2"})))


async def _once(returner: Returner) -> None:
    try:
        await returner.deliver(batch(1))
    finally:
        await returner.close()


class Bulk:
    """A server that reads ``_bulk`` strictly and answers item by item, as Elasticsearch does."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}
        self.verdicts: dict[str, int] = {}

    def __call__(self, request: web.BaseRequest, body: bytes) -> tuple[int, bytes]:
        assert request.path == "/_bulk"
        assert request.content_type == "application/x-ndjson"
        assert body.endswith(b"\n")
        rows = [msgspec.json.decode(line) for line in body.split(b"\n")[:-1]]
        items = []
        for head, document in zip(rows[::2], rows[1::2], strict=True):
            [(action, where)] = head.items()
            assert action == "index"
            status = self.verdicts.get(where["_id"], 201)
            item: dict[str, Any] = {"_index": where["_index"], "_id": where["_id"], "status": status}
            if status < 300:
                self.documents[where["_index"], where["_id"]] = document
            else:
                item["error"] = {"type": "mapper_parsing_exception", "reason": "failed to parse [data]"}
            items.append({"index": item})
        return 200, msgspec.json.encode({"took": 1, "errors": bool(self.verdicts), "items": items})


def test_elasticsearch_documents_are_there_once(run: Run) -> None:
    bulk = Bulk()
    run(to_http("elasticsearch", bulk, batch(3), index="r-%Y"))
    run(to_http("elasticsearch", bulk, batch(3), index="r-%Y"))
    assert set(bulk.documents) == {("r-1970", one.id) for one in batch(3)}
    document = bulk.documents["r-1970", delivery(2).id]
    assert document["@timestamp"] == "1970-01-01T00:00:01.500Z"
    assert msgspec.json.decode(document["data"])["text"] == HOSTILE
    assert document["args"] == "[]"
    run(to_http("elasticsearch", bulk, batch(1), data="object"))
    assert next(reversed(bulk.documents.values()))["data"]["n"] == 0


def test_elasticsearch_says_which_documents_it_did_not_take(run: Run) -> None:
    bulk, items = Bulk(), batch(5)
    bulk.verdicts = {items[1].id: 400, items[2].id: 429, items[4].id: 503}
    with pytest.raises(Undeliverable) as caught:
        run(to_http("elasticsearch", bulk, items))
    assert caught.value.refused == {items[1].id: "400: failed to parse [data]"}
    assert caught.value.later == {items[2].id, items[4].id}
    assert len(bulk.documents) == 2


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"items": []}', b'{"items": [{"index": 5}]}'])
def test_elasticsearch_that_is_something_else(run: Run, body: bytes) -> None:
    with pytest.raises(Unavailable):
        run(to_http("elasticsearch", lambda request, _: (200, body), batch(1)))


# --- SQL ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/returns.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.address()


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    import sqlalchemy as sa

    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return found


def test_sql_rows_are_there_once(run: Run, url: str) -> None:
    returner = made("sql", url=url)
    run(returner.deliver(batch(3)))
    run(returner.deliver(batch(4)))
    run(returner.close())
    found = rows(url, "SELECT agent, fun, status, data FROM saltern_returns ORDER BY agent")
    assert [row[0] for row in found] == [f"web{n}.example" for n in range(4)]
    assert msgspec.json.decode(found[0][3])["text"] == HOSTILE


def test_sql_as_salts_tools_expect_it(run: Run, url: str) -> None:
    returner = made("sql", url=url, tables="salt")
    failed = delivery(7, "no", status=Status.FAILED, retcode=2, args=("ls",))
    run(returner.deliver([*batch(2), failed]))
    run(returner.deliver([*batch(2), failed]))
    run(returner.close())
    [(jid, load)] = rows(url, "SELECT * FROM jids")
    assert msgspec.json.decode(load)["jid"] == jid == job_id(1)
    found = rows(url, "SELECT id, success, full_ret FROM salt_returns ORDER BY id")
    assert [row[:2] for row in found] == [
        ("web0.example", "true"), ("web1.example", "true"), ("web7.example", "false"),
    ]  # fmt: skip
    full = msgspec.json.decode(found[2][2])
    assert (full["return"], full["retcode"], full["fun_args"], full["success"]) == ("no", 2, ["ls"], False)


def test_sql_what_does_not_fit_is_refused(run: Run, postgresql: PostgreSQL) -> None:
    url = postgresql.address()
    returner = made("sql", url=url, tables="salt")
    with pytest.raises(Undeliverable, match="too long"):
        run(returner.deliver([delivery(1, fun="f" * 60)]))
    run(returner.deliver(batch(1)))
    run(returner.close())


def test_sql_without_its_tables_or_its_server_is_tried_again(run: Run, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    returner = made("sql", url=f"sqlite:///{tmp_path}/empty.db", create=False)
    with pytest.raises(Unavailable, match="no such table"):
        run(returner.deliver(batch(1)))
    run(returner.close())
    returner = made("sql", url=f"postgresql://u:hunter2@/none?host={tmp_path}")
    with pytest.raises(Unavailable) as caught:
        run(returner.deliver(batch(1)))
    assert "hunter2" not in str(caught.value)
    run(returner.close())


# --- syslog -------------------------------------------------------------------------------------------

_RFC5424 = re.compile(
    rb"<(?P<pri>0|[1-9][0-9]{0,2})>1 "
    rb"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    rb"(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})) "
    rb"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
    rb"(?P<sd>-) (?P<message>.*)",
    re.DOTALL,
)


def parsed(message: bytes) -> dict[str, bytes]:
    """Return the fields of a message, read as strictly as RFC 5424, section 6, has it."""
    found = _RFC5424.fullmatch(message)
    assert found, message
    assert int(found["pri"]) <= 191
    return found.groupdict()


def counted(stream: bytes) -> list[bytes]:
    """Return the messages of a stream with octet counting."""
    messages = []
    while stream:
        length, _, rest = stream.partition(b" ")
        assert length.isdigit()
        assert not length.startswith(b"0")
        messages.append(rest[: int(length)])
        assert len(messages[-1]) == int(length)
        stream = rest[int(length) :]
    return messages


def check(messages: list[bytes]) -> None:
    fields = [parsed(message) for message in messages]
    assert [msgspec.json.decode(each["message"])["data"]["n"] for each in fields] == [0, 1, 2]
    assert {each["pri"] for each in fields} == {b"134"}  # local0.info
    assert {each["time"] for each in fields} == {b"1970-01-01T00:00:01.500000Z"}
    assert {each["id"] for each in fields} == {b"cmd.run"}


@pytest.mark.parametrize("family", ["unix", "udp"])
def test_syslog_datagrams(run: Run, tmp_path: Path, family: str) -> None:
    kind = socket.AF_UNIX if family == "unix" else socket.AF_INET
    with socket.socket(kind, socket.SOCK_DGRAM) as server:
        server.settimeout(20)
        server.bind(str(tmp_path / "log") if family == "unix" else ("127.0.0.1", 0))
        port = "" if family == "unix" else server.getsockname()[1]
        to = f"unix://{tmp_path}/log" if family == "unix" else f"udp://127.0.0.1:{port}"
        returner = made("syslog", to=to)
        run(returner.deliver(batch(3)))
        check([server.recv(100_000) for _ in range(3)])
        run(returner.close())


@pytest.mark.parametrize("secure", [False, True])
def test_syslog_streams(run: Run, tmp_path: Path, secure: bool) -> None:
    ca = ""
    context = None
    if secure:
        certificate, key, ca_text = certificates.ensure(tmp_path / "tls", time.time())
        (tmp_path / "ca.pem").write_text(ca_text)
        ca = str(tmp_path / "ca.pem")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
    got = bytearray()

    async def main() -> None:
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                got.extend(data)
            writer.close()
            ended.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        returner = made("syslog", to=f"{'tls' if secure else 'tcp'}://127.0.0.1:{port}", ca=ca)
        if secure:  # its certificate is for another name: it must not be spoken to
            with pytest.raises(Unavailable, match=r"(?i)certificate"):
                await returner.deliver(batch(3))
            assert not got
        else:
            await returner.deliver(batch(3))
            await returner.close()
            await asyncio.wait_for(ended.wait(), 20)
            check(counted(bytes(got)))
        await returner.close()
        server.close()

    run(main())


def test_syslog_what_no_datagram_holds_is_refused_and_the_rest_arrives(run: Run) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(20)
        server.bind(("127.0.0.1", 0))
        returner = made("syslog", to=f"udp://127.0.0.1:{server.getsockname()[1]}")
        big = delivery(1, "x" * 70_000)
        with pytest.raises(Undeliverable) as caught:
            run(returner.deliver([big, delivery(2)]))
        assert set(caught.value.refused) == {big.id}
        assert parsed(server.recv(100_000))
        run(returner.close())


def test_syslog_headers_hold_only_what_they_may(run: Run, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.settimeout(20)
        server.bind(str(tmp_path / "log"))
        returner = made("syslog", to=f"unix://{tmp_path}/log", facility="daemon")
        run(returner.deliver([delivery(1, fun=f"a b\n<1>{HOSTILE}" + "f" * 99, status=Status.FAILED)]))
        fields = parsed(server.recv(100_000))
        assert fields["pri"] == b"27"  # daemon.err
        assert len(fields["id"]) == 32
        assert b"\n" not in fields["message"]
        run(returner.close())


def test_syslog_nobody_listens(run: Run, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        run(_once(made("syslog", to=f"unix://{tmp_path}/none")))
