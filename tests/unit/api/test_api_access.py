"""Who may ask, and who is told that they may not."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.api import server
from saltern.api.limits import Limits
from saltern.api.routes import ROUTES
from saltern.cli.http import Exchange
from saltern.identity.authorise import Action, Principal, Role
from saltern.testing.controller import FakeController
from saltern.testing.served import served

NOBODY = Principal(name="eve", role=Role.NOBODY, via="unix:65534")
STRANGER = 65534


@pytest.fixture
def stranger_api(
    controller: FakeController, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The API, to which every caller is a stranger."""
    monkeypatch.setattr(server, "principal", lambda transport, service: NOBODY)
    with served(controller, tmp_path / "api.sock") as api:
        yield api.path


def asked(path: Path, method: str, target: str, body: bytes | None) -> tuple[int, Any]:
    """Return the status and JSON of an answer."""
    exchange = Exchange(path, silence=10)
    try:
        exchange.ask(method, target, body)
        return exchange.status, json.loads(b"".join(exchange.body()))
    finally:
        exchange.close()


@pytest.mark.parametrize("body", [None, b"{", b"{}"], ids=["no-body", "broken", "empty"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_refuses_a_stranger(
    stranger_api: Path, controller: FakeController, route: Any, body: bytes | None
) -> None:
    """403 whatever is sent: a stranger does not even learn that the request was wrong."""
    path = re.sub(r"\{\w+\}", "x", route.path)
    status, answer = asked(stranger_api, route.method, path, body if route.method == "POST" else None)
    assert (status, answer["error"]["code"]) == (403, "not_allowed")
    assert f"eve may not {route.action}" in answer["error"]["message"]
    assert controller.decisions == []


def test_every_action_that_changes_something_has_a_route() -> None:
    """And each route that may change something is about an action that says so."""
    changing = {route.action for route in ROUTES if route.method != "GET"}
    assert changing == {
        Action.JOB_RUN,
        Action.JOB_CANCEL,
        Action.PLAN_APPROVE,
        Action.KEY_CHANGE,
        Action.MINE_CHANGE,
        Action.SYSTEM_CHANGE,
        Action.TOKEN_CHANGE,
        Action.AUDIT_CHANGE,
    }
    reading = {route.action for route in ROUTES if route.method == "GET"}
    assert all(action.endswith(".read") for action in reading)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


class Other:
    """Another user of this machine: a process that connects and tells what it was answered."""

    def __init__(self, work: Callable[[], Any], uid: int) -> None:
        """Fork at once, before there are threads; ``work`` begins at ``go``."""
        self._go = os.pipe()
        self._told = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.read(self._go[0], 1)
            if uid != os.geteuid():
                os.setresuid(uid, uid, uid)
            try:
                os.write(self._told[1], json.dumps(work()).encode())
            finally:
                os._exit(0)
        os.close(self._told[1])

    def go(self) -> Any:
        """Let it work, and return what it returned."""
        os.write(self._go[1], b"!")
        with os.fdopen(self._told[0], "rb") as told:
            result = json.loads(told.read())
        os.waitpid(self._child, 0)
        return result


def test_the_kernel_tells_who_asks(controller: FakeController, open_directory: Path) -> None:
    """A user who is neither root nor the controller's own gets a clear no, with a hint."""
    path = open_directory / "api.sock"
    root = os.geteuid() == 0
    other = Other(lambda: asked(path, "GET", "/v1/agents", None), STRANGER if root else os.geteuid())
    with served(controller, path, service_uid=None if root else STRANGER):
        status, answer = other.go()
    assert (status, answer["error"]["code"]) == (403, "not_allowed")
    assert "root" in answer["error"]["hint"]


def test_a_stranger_cannot_use_up_connections(controller: FakeController, open_directory: Path) -> None:
    """Beyond a few at once, more are turned away; the owner is not affected."""
    path = open_directory / "api.sock"

    def hoard() -> list[str]:
        held = [socket.socket(socket.AF_UNIX) for _ in range(6)]
        for channel in held:
            channel.settimeout(10)
            channel.connect(str(path))
        return [channel.recv(12).decode() for channel in held[4:]]

    root = os.geteuid() == 0
    other = Other(hoard, STRANGER if root else os.geteuid())
    with served(controller, path, Limits(strangers=4), service_uid=None if root else STRANGER):
        assert other.go() == ["HTTP/1.1 429"] * 2


def test_the_socket_is_open_to_all_and_its_directory_to_none_but_its_owner(
    controller: FakeController, tmp_path: Path
) -> None:
    """Anybody may connect and be told; nobody else may put a socket of their own in its place."""
    path = tmp_path / "run" / "api.sock"
    with served(controller, path):
        assert path.stat().st_mode & 0o777 == 0o666
        assert path.parent.stat().st_mode & 0o022 == 0
