"""Backends that list over HTTP, against servers of our own: an indexed web server, and an S3 that checks."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from saltern.controller.files.backend import Backend, Entry, Place, build
from saltern.controller.files.backends.http import index
from saltern.controller.files.backends.s3.credentials import Credential
from saltern.controller.files.backends.s3.sign import signed
from saltern.foundation.errors import Conflict, NotFound, SettingsError, Unavailable

Answer = tuple[int, dict[str, str], bytes]


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        server: Any = self.server
        status, headers, body = server.answer(self)
        server.seen.append((status, self.path))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET


class Server(ThreadingHTTPServer):
    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen: list[tuple[int, str]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], Answer]) -> Iterator[Server]:
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read(backend: Backend, path: str, saltenv: str = "base") -> bytes:
    with backend.open(saltenv, path) as file:
        return file.read()


class Site:
    """A directory behind a web server that knows ETags."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()

    def put(self, name: str, data: bytes) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_bytes(data)

    def index(self) -> None:
        (self.root / "index.json").write_text(json.dumps(index(str(self.root))))

    def __call__(self, asked: BaseHTTPRequestHandler) -> Answer:
        path = self.root / unquote(asked.path.lstrip("/"))
        if not path.is_file():
            return 404, {}, b"nothing"
        data = path.read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
        if asked.headers.get("If-None-Match") == tag:
            return 304, {"ETag": tag}, b""
        return 200, {"ETag": tag}, data


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "site")
    made.put("a", b"one")
    made.put("d/ä b%", b"two")
    made.index()
    return made


def web(url: str, tmp_path: Path, **options: Any) -> Backend:
    return build([{"http": {"environments": {"base": url}, **options}}], Place(tmp_path / "state"))[0]


def test_an_index_says_what_a_web_server_has(site: Site, tmp_path: Path) -> None:
    (site.root / "a").chmod(0o755)
    site.index()
    with serving(site) as server:
        backend = web(server.url, tmp_path)
        backend.refresh()
        assert set(backend.entries("base")) == {"a", "d/ä b%"}
        assert backend.entries("base")["a"] == Entry(3, 0o755, None, hashlib.sha256(b"one").hexdigest())
        assert read(backend, "d/ä b%") == b"two"
        assert backend.revision("dev") is None
        assert list((tmp_path / "state/http").glob("tmp*")) == []


def test_an_index_that_has_not_changed_is_not_sent_again(site: Site, tmp_path: Path) -> None:
    with serving(site) as server:
        web(server.url, tmp_path).refresh()
        backend = web(server.url, tmp_path)
        backend.refresh()
        assert [status for status, _ in server.seen] == [200, 304]
        site.put("a", b"other")
        site.index()
        backend.refresh()
        assert read(backend, "a") == b"other"


def test_the_last_index_is_known_while_the_server_is_away(site: Site, tmp_path: Path) -> None:
    with serving(site) as server:
        web(server.url, tmp_path).refresh()
    backend = web(server.url, tmp_path)
    with pytest.raises(Unavailable, match=r"http: .*Connection refused"):
        backend.refresh()
    assert set(backend.entries("base")) == {"a", "d/ä b%"}


def test_what_was_never_fetched_is_an_error(tmp_path: Path, site: Site) -> None:
    (site.root / "index.json").unlink()
    with serving(site) as server:
        backend = web(server.url, tmp_path)
        with pytest.raises(Unavailable, match=r"index.json: the server says 404"):
            backend.refresh()
        with pytest.raises(Unavailable, match=r"has not been fetched yet: .*says 404"):
            backend.entries("base")


def test_a_file_that_is_not_what_the_index_says_is_never_given(site: Site, tmp_path: Path) -> None:
    with serving(site) as server:
        backend = web(server.url, tmp_path)
        backend.refresh()
        site.put("a", b"two")
        with pytest.raises(Conflict, match="/a is not what its index says"):
            read(backend, "a")
        (site.root / "a").unlink()
        with pytest.raises(NotFound, match="/a is in the index, and is not there"):
            read(backend, "a")


@pytest.mark.parametrize(
    "files",
    [
        {"../x": {"sha256": "0" * 64, "size": 1}},
        {"/etc/passwd": {"sha256": "0" * 64, "size": 1}},
        {"a\0": {"sha256": "0" * 64, "size": 1}},
        {"a": {"sha256": "../x", "size": 1}},
        {"a": {"sha256": "0" * 64, "size": -1}},
        {"a": {"sha256": "0" * 64, "size": 1, "mode": "x"}},
        {"a": {"sha256": "0" * 64}},
        [],
    ],
)
def test_an_index_that_means_ill_is_refused_and_the_last_one_stays(
    site: Site, tmp_path: Path, files: object
) -> None:
    with serving(site) as server:
        backend = web(server.url, tmp_path)
        backend.refresh()
        (site.root / "index.json").write_text(json.dumps({"files": files}))
        with pytest.raises(Unavailable, match=r"not a path within a tree|SHA-256|not an index"):
            backend.refresh()
        assert read(backend, "a") == b"one"


@pytest.mark.parametrize(
    "options",
    [
        {"environments": {"base": "ftp://x/"}},
        {"environments": {"base": "https://u:p@x/"}},
        {"environments": {"base": "http://x/"}, "password_file": "/x"},
        {"environment": {}},
    ],
)
def test_wrong_options_of_http_are_errors(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        build([{"http": options}], Place(tmp_path))


class Store:
    """An S3 that has its own mind about signatures, and lists two objects at a time."""

    KEYS = ("AKID", "s3cr3t/+")

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, bytes]] = {}

    def __call__(self, asked: BaseHTTPRequestHandler) -> Answer:
        if not self._is_signed(asked):
            return 403, {}, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        parts = urlsplit(asked.path)
        bucket, _, key = parts.path.lstrip("/").partition("/")
        if bucket not in self.objects:
            return 404, {}, b"<Error><Code>NoSuchBucket</Code></Error>"
        if not key:
            return 200, {}, self._list(self.objects[bucket], parse_qs(parts.query))
        data = self.objects[bucket].get(unquote(key))
        if data is None:
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"
        if asked.headers.get("If-Match") != self._tag(data):
            return 412, {}, b""
        return 200, {"ETag": self._tag(data)}, data

    @staticmethod
    def _tag(data: bytes) -> str:
        return f'"{hashlib.md5(data).hexdigest()}"'

    def _list(self, objects: dict[str, bytes], question: dict[str, list[str]]) -> bytes:
        prefix = question.get("prefix", [""])[0]
        after = question.get("continuation-token", [""])[0]
        keys = [key for key in sorted(objects) if key.startswith(prefix) and key > after]
        xml = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>{escape(self._tag(objects[key]))}</ETag>"
            f"<Size>{len(objects[key])}</Size></Contents>"
            for key in keys[:2]
        )
        more = f"<NextContinuationToken>{escape(keys[1])}</NextContinuationToken>" if len(keys) > 2 else ""
        return f'<List xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{xml}{more}</List>'.encode()

    def _is_signed(self, asked: BaseHTTPRequestHandler) -> bool:
        words = asked.headers.get("Authorization", "").removeprefix("AWS4-HMAC-SHA256 ").split(",")
        given = dict(word.partition("=")[::2] for word in words)
        keyid, _, scope = given.get("Credential", "").partition("/")
        if keyid != self.KEYS[0]:
            return False
        path, _, query = asked.path.partition("?")
        names = given["SignedHeaders"].split(";")
        lines = [f"{name}:{asked.headers[name]}\n" for name in names]
        sorted_query = "&".join(sorted(query.split("&")))
        canonical = "\n".join(
            [
                "GET",
                path,
                sorted_query,
                "".join(lines),
                ";".join(names),
                asked.headers["x-amz-content-sha256"],
            ]
        )
        key: bytes = b"AWS4" + self.KEYS[1].encode()
        for word in scope.split("/"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{asked.headers['x-amz-date']}\n{scope}\n{digest}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == given["Signature"]


@pytest.fixture
def store() -> Store:
    made = Store()
    made.objects = {
        "states": {"a": b"one", "d/ä +%&<b": b"two", "d/e/": b"", "z~": b"zz"},
        "other": {"a": b"no", "o": b""},
    }
    return made


def s3(url: str, tmp_path: Path, **options: Any) -> Backend:
    (tmp_path / "key").write_text(Store.KEYS[1] + "\n")
    usual = {
        "buckets": {"base": ["states"]},
        "service_url": url,
        "path_style": True,
        "keyid": Store.KEYS[0],
        "key_file": f"{tmp_path}/key",
    }
    return build([{"s3": {**usual, **options}}], Place(tmp_path / "state"))[0]


def test_a_bucket_is_an_environment(store: Store, tmp_path: Path) -> None:
    with serving(store) as server:
        backend = s3(server.url, tmp_path, buckets={"base": ["states", "other"], "dev": ["other"]})
        backend.refresh()
        assert set(backend.entries("base")) == {"a", "d/ä +%&<b", "d/e/", "z~", "o"}
        assert read(backend, "d/ä +%&<b") == b"two"
        assert (read(backend, "a"), read(backend, "a", "dev"), read(backend, "z~")) == (b"one", b"no", b"zz")
        assert read(backend, "o") == b""
        assert backend.environments() == {"base": "", "dev": ""}
        with pytest.raises(NotFound):
            read(backend, "d/e/")


def test_the_first_directories_are_environments(store: Store, tmp_path: Path) -> None:
    store.objects["states"] = {"x/base/a": b"one", "x/dev/a": b"two", "x/dev/d/b": b"", "y/base/a": b""}
    with serving(store) as server:
        backend = s3(server.url, tmp_path, buckets=["states"], prefix="x")
        backend.refresh()
        assert {name: set(backend.entries(name)) for name in backend.environments()} == {
            "base": {"a"},
            "dev": {"a", "d/b"},
        }
        assert read(backend, "a", "dev") == b"two"


def test_an_object_that_has_changed_since_is_a_conflict(store: Store, tmp_path: Path) -> None:
    with serving(store) as server:
        backend = s3(server.url, tmp_path)
        backend.refresh()
        store.objects["states"]["a"] = b"new"
        with pytest.raises(Conflict, match="a has changed since it was listed"):
            read(backend, "a")
        backend.refresh()
        assert read(backend, "a") == b"new"
        del store.objects["states"]["a"]
        with pytest.raises(NotFound, match="a is not there any more"):
            read(backend, "a")


def test_a_wrong_key_is_an_error_that_does_not_tell_it(store: Store, tmp_path: Path) -> None:
    with serving(store) as server:
        backend = s3(server.url, tmp_path, key_file="", key="hunter2")
        with pytest.raises(Unavailable, match="S3 says 403 SignatureDoesNotMatch") as caught:
            backend.refresh()
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(Credential("id", "hunter2"))


def test_a_bucket_that_is_not_there_is_an_error(store: Store, tmp_path: Path) -> None:
    with serving(store) as server:
        with pytest.raises(Unavailable, match=r"the bucket gone at .*: S3 says 404 NoSuchBucket"):
            s3(server.url, tmp_path, buckets={"base": ["gone"]}).refresh()


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a//b", "a/../../b"])
def test_a_key_that_is_no_path_is_refused(store: Store, tmp_path: Path, key: str) -> None:
    store.objects["states"][key] = b"x"
    with serving(store) as server:
        with pytest.raises(Unavailable, match=r"the bucket states lists .*, which is not a path"):
            s3(server.url, tmp_path).refresh()


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><List>&a;</List>',
        b"<List>",
        b"",
        b"<List><Contents><Key>a</Key><ETag>b</ETag><Size>x</Size></Contents></List>",
        b"<List><Contents><Size>1</Size></Contents></List>",
        b"<List><NextContinuationToken>again</NextContinuationToken></List>",
    ],
)
def test_an_answer_that_means_ill_is_refused(tmp_path: Path, body: bytes) -> None:
    with serving(lambda asked: (200, {}, body)) as server:
        with pytest.raises(Unavailable, match="bucket states"):
            s3(server.url, tmp_path).refresh()


def test_the_environment_and_then_the_machines_role_give_the_key(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"AccessKeyId": Store.KEYS[0], "SecretAccessKey": Store.KEYS[1], "Token": "t"}
    pages = {
        "/latest/api/token": b"session",
        "/latest/meta-data/iam/security-credentials/": b"web\n",
        "/latest/meta-data/iam/security-credentials/web": json.dumps(
            {**given, "Expiration": "2999-01-01T00:00:00Z"}
        ).encode(),
    }

    def metadata(asked: BaseHTTPRequestHandler) -> Answer:
        known = asked.command == "PUT" or asked.headers.get("X-aws-ec2-metadata-token") == "session"
        return (200, {}, pages[asked.path]) if known else (401, {}, b"")

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with serving(store) as server, serving(metadata) as machine:
        anonymous = {"keyid": "", "key_file": "", "metadata_url": machine.url}
        backend = s3(server.url, tmp_path, **anonymous)
        backend.refresh()
        assert read(backend, "a") == b"one"
        asked = len(machine.seen)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", Store.KEYS[0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", Store.KEYS[1])
        s3(server.url, tmp_path, **anonymous).refresh()
        assert len(machine.seen) == asked == 3


def test_a_signature_is_the_one_that_amazon_documents() -> None:
    credential = Credential("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    url = "https://examplebucket.s3.amazonaws.com/test.txt"
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    headers = signed(url, {"Range": "bytes=0-9"}, credential, "us-east-1", moment)
    wanted = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert headers["Authorization"].endswith(f"Signature={wanted}")
    url = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"
    headers = signed(url, {}, credential, "us-east-1", moment)
    wanted = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    assert headers["Authorization"].endswith(f"Signature={wanted}")


def test_a_bucket_may_be_a_part_of_the_host(tmp_path: Path) -> None:
    backend: Any = s3("https://s3.example.com:9000", tmp_path, path_style=False)
    assert backend._origin._address("states", "ä b") == f"https://states.s3.example.com:9000/{quote('ä b')}"


@pytest.mark.parametrize("options", [{"buckets": {"base": ["a/b"]}}, {"service_url": "host"}, {"bucket": []}])
def test_wrong_options_of_s3_are_errors(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        s3("http://x", tmp_path, **options)


class Drop:
    """What agents have pushed."""

    def __init__(self) -> None:
        self.data = b"pushed"
        self.one = Entry(6, 0o600, None, hashlib.sha256(self.data).hexdigest())

    def agents(self) -> dict[str, dict[str, Entry]]:
        one = self.one
        return {"web1": {"etc/a": one, "../x": one}, "db1": {"b": one}, "../x": {"c": one}, "a/b": {"c": one}}

    def open(self, agent: str, path: str) -> BinaryIO:
        assert (agent, path) == ("web1", "etc/a")
        return BytesIO(self.data)


def test_what_agents_pushed_lies_below_their_names(tmp_path: Path) -> None:
    drop = Drop()
    place = Place(tmp_path, drop)
    (backend,) = build([{"minionfs": {"mountpoint": "salt://pushed", "blacklist": ["db*"]}}], place)
    assert read(backend, "pushed/web1/etc/a") == b"pushed"
    assert set(backend.entries("base")) == {"pushed/web1/etc/a"}
    assert backend.entries("dev") == {}
    assert backend.revision("dev") is None
    assert backend.shown("base", "pushed/web1/etc/a") == "web1:/etc/a"
    with pytest.raises(NotFound):
        read(backend, "pushed/web1/../db1/b")
    drop.data = b"pushed again"
    with pytest.raises(Conflict, match="web1 has pushed etc/a anew since it was listed"):
        read(backend, "pushed/web1/etc/a")


def test_minionfs_needs_what_was_pushed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"minionfs: agents push no files here"):
        build([{"minionfs": {}}], Place(tmp_path))
    with pytest.raises(SettingsError, match="not a directory within a tree"):
        build([{"minionfs": {"mountpoint": "../x"}}], Place(tmp_path, Drop()))
