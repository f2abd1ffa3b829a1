"""Sources beside the SLS: programs, databases, web servers, vaults, directories."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from saltern.controller.pillar.sources import Asking, build_sources
from saltern.controller.pillar.sources.sql import Query, nested
from saltern.engine.pillar import Aids
from saltern.foundation.errors import SalternError, SettingsError
from saltern.sdk.local import LocalHost
from saltern.sdk.secret import Secret, secrets_in
from saltern.sls.world import World
from saltern.testing.sls import MemoryTree


def ask(setting: Mapping[str, Any], directory: Path, name: str = "web1") -> Mapping[str, Any]:
    """Return what a source gives an agent."""
    (source,) = build_sources([setting], directory)
    world = World(
        id=name,
        call=lambda fun: None,
        grains={"id": name},
        host=LocalHost(),
        opts={"nodegroups": {"webs": "web*"}},
    )
    return source.ask(Asking(world, MemoryTree({"base": {}}), Aids()), name, {})


# --- settings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({}, "one kind with its options"),
        ({"cmd_json": ["a"], "sql": {}}, "one kind with its options"),
        ({"cmd_jsom": ["a"]}, "there is no ext_pillar 'cmd_jsom'"),
        ({"cmd_json": []}, "needs a program"),
        ({"cmd_json": "echo 'x"}, "can't be taken apart"),
        ({"sql": {"url": "sqlite://", "querys": []}}, "querys"),
        ({"sql": {"url": "nodb://x", "queries": []}}, "no database"),
        ({"file_tree": "relative"}, "not an absolute path"),
        ({"vault": {"url": "http://x", "path": "secret/x"}}, "needs a token"),
        ({"vault": {"url": "http://x", "path": "secret", "token": "t"}}, "a mount and a path"),
        ({"cmd_json": ["a"], "timeout": "soon"}, "not a duration"),
    ],
)
def test_settings_that_are_wrong_are_named(setting: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        build_sources([{"cmd_json": ["true"]}, setting], tmp_path)
    assert message in str(caught.value)
    assert "pillar.ext_pillar[1]" in str(caught.value)


# --- programs ----------------------------------------------------------------------------------------


def test_a_program_gets_the_name_and_no_shell(tmp_path: Path) -> None:
    data = ask({"cmd_yaml": ["echo", "me: %s; $HOME `id`"]}, tmp_path)
    assert data == {"me": "web1; $HOME `id`"}


def test_a_program_is_written_as_text_too(tmp_path: Path) -> None:
    assert ask({"cmd_yaml": "echo 'who: %s'"}, tmp_path) == {"who": "web1"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["no-such-program-here"], "there is no program"),
        (["false"], "ended with 1"),
        (["echo", "{"], "is no JSON"),
        (["echo", "[1]"], "is no mapping"),
        (["sleep", "60"], "took longer than 0.2 s"),
    ],
)
def test_a_program_that_fails_is_an_error(argv: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SalternError, match=message):
        ask({"cmd_json": argv, "timeout": "0.2s"}, tmp_path)


# --- databases ---------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("create table facts (host, area, name, value)")
        rows = [("web1", "net", "mtu", 1500), ("web1", "net", "dns", None), ("web2", "net", "mtu", 9000)]
        connection.executemany("insert into facts values (?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{tmp_path / 'db'}"


def test_rows_become_nested_data(database: str, tmp_path: Path) -> None:
    query = "select area, name, value from facts where host = %s and name != 'a:b' order by name"
    assert ask({"sql": {"url": database, "queries": [query]}}, tmp_path) == {
        "net": {"dns": None, "mtu": 1500}
    }
    named = {"facts": {"query": query, "ignore_null": True}}
    assert ask({"sql": {"url": database, "queries": named}}, tmp_path) == {"facts": {"net": {"mtu": 1500}}}


def test_a_name_is_never_a_part_of_the_query(database: str, tmp_path: Path) -> None:
    query = "select name, value from facts where host = %s"
    assert ask({"sql": {"url": database, "queries": [query]}}, tmp_path, "' or 1=1 --") == {}


def test_a_query_that_fails_is_an_error(database: str, tmp_path: Path) -> None:
    with pytest.raises(SalternError, match="no such table: nowhere"):
        ask({"sql": {"url": database, "queries": ["select * from nowhere"]}}, tmp_path)


ROWS = [("a", "x", 1, "e1"), ("a", "x", 2, "e2"), ("a", "y", 3, None), ("b", "z", 5, "e5")]


@pytest.mark.parametrize(
    ("columns", "options", "wanted"),
    [
        (1, {}, {"0": "b"}),
        (2, {}, {"a": "y", "b": "z"}),
        (2, {"as_list": True}, {"a": ["x", "x", "y"], "b": "z"}),
        (3, {}, {"a": {"x": 2, "y": 3}, "b": {"z": 5}}),
        (3, {"depth": 1}, {"a": {"1": "y", "2": 3}, "b": {"1": "z", "2": 5}}),
        (3, {"with_lists": [2]}, {"a": {"x": [1, 2], "y": [3]}, "b": {"z": [5]}}),
        (3, {"with_lists": [1]}, {"a": [{"x": 1}, {"x": 2}, {"y": 3}], "b": [{"z": 5}]}),
        (
            4,
            {"depth": 2},
            {"a": {"x": {"2": 2, "3": "e2"}, "y": {"2": 3, "3": None}}, "b": {"z": {"2": 5, "3": "e5"}}},
        ),
    ],
)
def test_how_rows_are_nested(columns: int, options: dict[str, Any], wanted: dict[str, Any]) -> None:
    rows = [row[:columns] for row in ROWS]
    assert nested([str(number) for number in range(columns)], rows, Query(query="", **options)) == wanted


# --- directories -------------------------------------------------------------------------------------


def test_files_are_keys(tmp_path: Path) -> None:
    for path, text in {
        "hosts/web1/tls/key": "line\n",
        "hosts/web1/shared": "of the host",
        "hosts/web2/tls/key": "another's",
        "nodegroups/webs/shared": "of the group",
        "nodegroups/webs/more": "x\n\n",
        "nodegroups/dbs/password": "for databases",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "hosts/web1/out").symlink_to("/etc/passwd")
    tree = {"root_dir": str(tmp_path)}
    with pytest.raises(SettingsError):
        build_sources([{"file_tree": {"root_dri": "x"}}], tmp_path)
    world_groups = {"webs": "web*", "dbs": "db*"}
    (source,) = build_sources([{"file_tree": tree}], tmp_path)
    world = World(id="web1", call=lambda fun: None, grains={"id": "web1"}, opts={"nodegroups": world_groups})
    data = source.ask(Asking(world, MemoryTree({"base": {}}), Aids()), "web1", {})
    assert data == {"tls": {"key": "line"}, "shared": "of the host", "more": "x\n"}


def test_a_directory_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SalternError, match="is not there"):
        ask({"file_tree": str(tmp_path / "gone")}, tmp_path)


# --- web servers and vaults --------------------------------------------------------------------------


class Web(ThreadingHTTPServer):
    """Answers by path; notes what was asked with which headers."""

    answers: dict[str, tuple[int, Any]]
    asked: list[tuple[str, dict[str, str]]]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Web)
        server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, body = server.answers.get(self.path, (404, {"errors": []}))
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    with Web(("127.0.0.1", 0), Handler) as server:
        server.answers, server.asked = {}, []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(web: Web) -> str:
    return f"http://127.0.0.1:{web.server_port}"


def test_a_web_server_gives_json_and_yaml(web: Web, tmp_path: Path) -> None:
    web.answers = {"/p/web1": (200, {"a": 1}), "/y": (200, "b: [1]\n")}
    assert ask({"http_json": f"{address(web)}/p/%s"}, tmp_path) == {"a": 1}
    options = {"url": f"{address(web)}/y", "username": "u", "password": "p", "key": "web"}
    assert ask({"http_yaml": options}, tmp_path) == {"web": {"b": [1]}}
    assert web.asked[-1][1]["authorization"].startswith("Basic ")


def test_a_name_is_quoted_in_an_address(web: Web, tmp_path: Path) -> None:
    with pytest.raises(SalternError, match="404"):
        ask({"http_json": f"{address(web)}/p/%s"}, tmp_path, "../a?b")
    assert web.asked[-1][0] == "/p/..%2Fa%3Fb"


def test_nothing_there_can_be_no_data_if_so_set(web: Web, tmp_path: Path) -> None:
    assert ask({"http_json": {"url": f"{address(web)}/none", "missing_ok": True}}, tmp_path) == {}
    web.answers = {"/none": (500, "no")}
    with pytest.raises(SalternError, match="500"):
        ask({"http_json": {"url": f"{address(web)}/none", "missing_ok": True}}, tmp_path)


MOUNT = {"data": {"path": "kv/", "options": {"version": "2"}}}


def test_a_vault_of_version_2(web: Web, tmp_path: Path) -> None:
    web.answers = {
        "/v1/sys/internal/ui/mounts/kv/hosts/web1": (200, MOUNT),
        "/v1/kv/data/hosts/web1": (200, {"data": {"data": {"password": "x", "n": 1}, "metadata": {}}}),
    }
    options = {"url": address(web), "token": "t0ken", "path": "kv/hosts/{minion}"}
    data = ask({"vault": options}, tmp_path)
    assert data == {"password": "x", "n": 1}
    assert isinstance(data["password"], Secret)
    assert web.asked[-1][1]["x-vault-token"] == "t0ken"


def test_a_vault_of_version_1_with_an_approle(web: Web, tmp_path: Path) -> None:
    web.answers = {
        "/v1/auth/approle/login": (200, {"auth": {"client_token": "given"}}),
        "/v1/secret/x": (200, {"data": {"deep": {"er": ["s"]}}}),
    }
    options = {
        "url": address(web),
        "role_id": "r",
        "secret_id": "s",
        "path": "secret/x",
        "version": 1,
        "key": "vault",
    }
    data = ask({"vault": options}, tmp_path)
    assert data == {"vault": {"deep": {"er": ["s"]}}}
    assert list(secrets_in(data)) == ["s"]
    assert web.asked[-1][1]["x-vault-token"] == "given"


def test_a_vault_that_refuses_is_an_error(web: Web, tmp_path: Path) -> None:
    options = {"url": address(web), "token": "hunter2", "path": "secret/x", "version": 1}
    web.answers = {"/v1/secret/x": (403, {"errors": ["permission denied"]})}
    with pytest.raises(SalternError, match="permission denied") as caught:
        ask({"vault": options}, tmp_path)
    assert "hunter2" not in str(caught.value)
    web.answers = {}
    assert ask({"vault": options}, tmp_path) == {}
    with pytest.raises(SalternError, match="there is nothing at secret/x"):
        ask({"vault": {**options, "required": True}}, tmp_path)


def test_what_a_source_gave_may_be_good_for_a_while(tmp_path: Path) -> None:
    (source,) = build_sources([{"cmd_json": ["true"], "cache": "5m"}], tmp_path)
    assert source.reuse == 300.0
