"""Requests over HTTP to a real server, honest or not."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from saltern.engine.door import PLAIN, Looking, Mending
from saltern.sdk import BadArgument, Conflict, NotAllowed, OutputTooLarge, Request, TimedOut, Unavailable
from saltern.sdk.local import LocalHost
from saltern.testing.host import FakeHost


class Web(ThreadingHTTPServer):
    """A server that notes what it is asked and answers by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.there = ""
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """What the server says."""

    server: Web

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, self.rfile.read(length)))
        kind, _, rest = self.path.strip("/").partition("/")
        if kind == "to":
            self.send_response(int(rest))
            self.send_header("Location", self.server.there)
            self.end_headers()
        elif kind == "short":
            self._answer(200, b"only this", length=1000)
        elif kind == "status":
            self._answer(int(rest), b"no")
        elif kind == "big":
            self._answer(200, b"x" * 300_000)
        else:
            self._answer(200, b"hello")

    do_POST = do_GET

    def _answer(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("X-Kind", "test")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(server: Web) -> Iterator[Web]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    with serving(Web()) as server:
        yield server


@pytest.fixture
def other() -> Iterator[Web]:
    with serving(Web()) as server:
        yield server


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> LocalHost:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return LocalHost()


def test_an_answer(host: LocalHost, web: Web) -> None:
    found = host.http(Request(url=f"{web.url}/x?y=1", headers={"X-A": "b"}))
    assert (found.status, found.ok, found.body, found.headers["x-kind"]) == (200, True, b"hello", "test")
    method, path, headers, _ = web.asked[0]
    assert (method, path, headers["x-a"]) == ("GET", "/x?y=1", "b")


def test_a_failure_is_an_answer_too(host: LocalHost, web: Web) -> None:
    found = host.http(Request(url=f"{web.url}/status/503"))
    assert (found.status, found.ok, found.body) == (503, False, b"no")


def test_a_body_and_a_password_are_sent(host: LocalHost, web: Web) -> None:
    url = web.url.replace("//", "//a%40b:p:w@")
    host.http(Request(url=url, method="POST", body=b"data"))
    method, _, headers, body = web.asked[0]
    assert (method, body, headers["authorization"]) == ("POST", b"data", "Basic YUBiOnA6dw==")
    assert "@" not in headers["host"]


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_redirects(host: LocalHost, web: Web, status: int, method: str) -> None:
    web.there = "/end"
    found = host.http(Request(url=f"{web.url}/to/{status}", method="POST", body=b"data", username="me"))
    assert found.url == f"{web.url}/end"
    assert web.asked[1][0] == method
    assert web.asked[1][3] == (b"data" if method == "POST" else b"")
    assert "authorization" in web.asked[1][2]


def test_what_is_private_stays_with_its_server(host: LocalHost, web: Web, other: Web) -> None:
    web.there = f"{other.url}/end"
    headers = {"Cookie": "c", "X-Auth-Token": "t", "Accept": "a"}
    host.http(Request(url=f"{web.url}/to/302", headers=headers, username="me", password="secret"))
    sent = other.asked[0][2]
    assert sent["accept"] == "a"
    assert not {"authorization", "cookie", "x-auth-token"} & set(sent)


def test_redirects_end(host: LocalHost, web: Web) -> None:
    web.there = f"{web.url}/to/302"
    with pytest.raises(Unavailable, match="more than 10 redirects"):
        host.http(Request(url=web.there))
    assert host.http(Request(url=web.there, follow=False)).status == 302


@pytest.mark.parametrize("there", ["file:///etc/passwd", "ftp://x/y", "gopher://x"])
def test_a_redirect_leads_nowhere_else(host: LocalHost, web: Web, there: str) -> None:
    web.there = there
    with pytest.raises(BadArgument, match="no URL of a web server"):
        host.http(Request(url=f"{web.url}/to/302"))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "x",
        "http:///x",
        "http://h:0/",
        "http://h:x/",
        "http://h/a\r\nX: y",
        "http://[1/",
    ],
)
def test_what_is_no_url(host: LocalHost, url: str) -> None:
    with pytest.raises(BadArgument):
        host.http(Request(url=url))


def test_a_header_can_not_hold_another(host: LocalHost, web: Web) -> None:
    with pytest.raises(BadArgument):
        host.http(Request(url=web.url, headers={"A": "b\r\nC: d"}))
    assert web.asked == []


def test_into_a_file(host: LocalHost, web: Web, tmp_path: Path) -> None:
    path = tmp_path / "got"
    path.write_text("old")
    found = host.http(Request(url=f"{web.url}/big"), str(path))
    assert (found.body, path.stat().st_size, path.stat().st_mode & 0o777) == (b"", 300_000, 0o600)
    assert os.listdir(tmp_path) == ["got"]


def test_into_a_file_whole_or_not_at_all(host: LocalHost, web: Web, tmp_path: Path) -> None:
    path = tmp_path / "got"
    path.write_text("old")
    with pytest.raises(OutputTooLarge, match="more than 1000 bytes"):
        host.http(Request(url=f"{web.url}/big", limit=1000), str(path))
    with pytest.raises(Unavailable):
        host.http(Request(url=f"{web.url}/short"), str(path))
    assert host.http(Request(url=f"{web.url}/status/404"), str(path)).body == b"no"
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["got"])


def test_a_link_is_replaced_not_followed(host: LocalHost, web: Web, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "got").symlink_to("target")
    host.http(Request(url=web.url), str(tmp_path / "got"))
    assert ((tmp_path / "target").read_text(), (tmp_path / "got").is_symlink()) == ("old", False)


def test_too_much_is_refused(host: LocalHost, web: Web) -> None:
    with pytest.raises(OutputTooLarge):
        host.http(Request(url=f"{web.url}/big", limit=299_999))
    assert len(host.http(Request(url=f"{web.url}/big", limit=300_000)).body) == 300_000


def test_half_a_body_is_no_answer(host: LocalHost, web: Web) -> None:
    with pytest.raises(Unavailable):
        host.http(Request(url=f"{web.url}/short"))


def test_who_says_nothing_is_left(host: LocalHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(TimedOut, match=r"nothing came for 0\.2 s"):
            host.http(Request(url=f"http://me:secret@127.0.0.1:{port}/?token=t", timeout=0.2))
    with pytest.raises(Unavailable, match="Connection refused") as caught:
        host.http(Request(url=f"http://me:secret@127.0.0.1:{port}/?token=t"))
    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Web, str]]:
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Web()
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.scheme = "https"
    with serving(server):
        yield server, str(certificate)


def test_certificates(host: LocalHost, secure: tuple[Web, str]) -> None:
    web, authority = secure
    with pytest.raises(NotAllowed, match="is not trusted"):
        host.http(Request(url=web.url))
    assert host.http(Request(url=web.url, verify=authority)).body == b"hello"
    assert host.http(Request(url=web.url, verify=False)).body == b"hello"
    with pytest.raises(BadArgument, match="/nowhere"):
        host.http(Request(url=web.url, verify="/nowhere"))


def test_who_only_looks_may_ask_and_not_save() -> None:
    host = FakeHost(web={"http://a/": "x", "POST http://a/": {"status": 201, "body": "made"}})
    looking = Looking(host)
    assert looking.http(Request(url="http://a/")).body == b"x"
    with pytest.raises(Conflict, match="may only look"):
        looking.http(Request(url="http://a/"), "/tmp/x")
    noted: list[str] = []
    mending = Mending(host, PLAIN, None, noted.append, noted.append)
    mending.http(Request(url="http://a/"), "/tmp/x")
    assert mending.http(Request(url="http://a/", method="POST")).status == 201
    assert noted == ["/tmp/x", "what POST http://a/ did"]
    assert (host.files["/tmp/x"].data, host.files["/tmp/x"].mode) == (b"x", 0o600)
    with pytest.raises(Unavailable):
        host.http(Request(url="http://b/"))
    assert [one.url for one in host.requests] == ["http://a/"] * 3 + ["http://b/"]
