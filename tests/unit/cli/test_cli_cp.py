"""Files to many machines, as people send them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.cli import sending
from saltern.testing.controller import FakeController, value

Saltern = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("api")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controller: FakeController) -> Path:
    """The working directory; agents answer what they were asked to receive."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    controller.functions["cp.receive"] = lambda agent, request: value(
        {"dest": request.args[0], "files": dict(request.kwargs["files"])}
    )
    return directory


def asked(done: Any) -> Any:
    """Return what web1 was asked to receive."""
    return json.loads(done.out.splitlines()[0])["data"]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_file_is_sent_and_results_are_folded(
    saltern: Saltern, place: Path, controller: FakeController
) -> None:
    (place / "motd").write_text("hello")
    (place / "motd").chmod(0o640)
    controller.functions["cp.receive"] = lambda agent, request: value({request.args[0]: True})
    done = saltern("cp", "motd", "web*", "/etc/motd")
    assert (done.code, done.out) == (0, "web[1-3] (3):\n    /etc/motd: True\n")
    assert controller.files.uploads == {digest("hello"): b"hello"}
    upload, job = controller.decisions
    assert upload.action == job.action == "job.run"
    assert upload.targets.members == job.targets.members
    assert job.arguments["kwargs"]["files"] == {"motd": [digest("hello"), 5, 0o640]}


def test_who_is_away_is_told_and_is_the_exit_code(saltern: Saltern, place: Path) -> None:
    (place / "motd").write_text("hello")
    done = saltern("cp", "motd", "*", "/etc/motd")
    assert done.code == 4
    assert "db1: offline" in done.out


def test_a_directory_goes_with_its_name_or_without(saltern: Saltern, place: Path) -> None:
    (place / "site/sub").mkdir(parents=True)
    (place / "site/empty").mkdir(mode=0o700)
    (place / "site/sub/x").write_text("x")
    (place / "site/to").symlink_to("sub/x")
    found = asked(saltern("cp", "site", "web1", "/srv", "--json"))
    assert found["dest"] == "/srv/"
    assert set(found["files"]) == {"site/", "site/sub/", "site/empty/", "site/sub/x", "site/to"}
    assert found["files"]["site/empty/"] == ["", 0, 0o700]
    assert found["files"]["site/to"][0] == digest("x")
    without = asked(saltern("cp", "site/", "web1", "/srv", "--json"))
    assert set(without["files"]) == {"sub/", "empty/", "sub/x", "to"}


def test_several_go_into_a_directory(saltern: Saltern, place: Path) -> None:
    for name in ("a", "b"):
        (place / name).write_text(name)
    assert asked(saltern("cp", "a", "b", "web1", "/etc/app", "--json"))["dest"] == "/etc/app/"


def test_options_of_a_job(saltern: Saltern, place: Path, controller: FakeController) -> None:
    (place / "-x").write_text("x")
    done = saltern("cp", "-L", "--timeout", "30s", "--makedirs", "--async", "--", "-x", "web1,web2", "/opt/x")
    assert done.code == 0
    assert len(done.out.strip()) == 20
    job = controller.decisions[-1]
    assert list(job.targets.members.values()) == ["web1", "web2"]
    assert job.arguments["timeout"] == 30.0
    assert job.arguments["kwargs"]["makedirs"] is True


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("a", "web1"), 2, "needs a FILE, a TARGET and a DEST"),
        (("a", "web1", "etc"), 2, "no absolute path"),
        (("gone", "web1", "/etc/"), 3, "gone: no such file"),
        (("web1", "a", "/etc/"), 2, "the order is FILE … TARGET DEST"),
        (("a", "nobody", "/etc/"), 3, "no agent"),
        (("pipe", "web1", "/etc/"), 2, "neither a file nor a directory"),
        (("around", "web1", "/etc/"), 2, "is a link to a directory"),
        (("a", "sub/a", "web1", "/etc/"), 2, "would both be 'a'"),
        (("a", "web1", "/etc/", "--subset", "0"), 2, "--subset must be 1"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_can_not_be_sent(
    saltern: Saltern, place: Path, controller: FakeController, words: tuple[str, ...], code: int, message: str
) -> None:
    (place / "a").write_text("a")
    (place / "sub").mkdir()
    (place / "sub/a").write_text("b")
    (place / "around").mkdir()
    (place / "around/again").symlink_to(place)
    os.mkfifo(place / "pipe")
    done = saltern("cp", *words)
    assert (done.code, message in done.err) == (code, True), done.err
    assert controller.files.uploads == {}


def test_too_much_is_said_by_the_controller(
    saltern: Saltern, place: Path, controller: FakeController
) -> None:
    """Though it hangs up while much is still to come."""
    controller.files.upload_bytes = 10
    (place / "large").write_bytes(bytes(20_000_000))
    done = saltern("cp", "large", "web1", "/opt/large")
    assert done.code == 8
    assert "a file of 20000000 bytes is too much" in done.err


def test_more_names_than_go_at_once(saltern: Saltern, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST", 2)
    (place / "d").mkdir()
    for name in "abc":
        (place / "d" / name).write_text(name)
    done = saltern("cp", "d", "web1", "/opt")
    assert done.code == 2
    assert "pack them into an archive" in done.err


def test_a_name_that_is_no_text(saltern: Saltern, place: Path) -> None:
    (place / "d").mkdir()
    with open(os.fsencode(place / "d") + b"/\xff", "wb"):
        pass
    done = saltern("cp", "d", "web1", "/opt")
    assert done.code == 2
    assert "not text in UTF-8" in done.err


def test_a_bar_on_a_terminal(on_terminal: Saltern, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_EVERY", 0.0)
    (place / "large").write_bytes(bytes(1_000_000))
    err = on_terminal("cp", "large", "web1", "/opt/large").err
    assert "########] 1.0 of 1.0 MB to the controller  large" in err
    assert "MB" not in on_terminal("cp", "large", "web1", "/opt/large", "--no-progress").err
