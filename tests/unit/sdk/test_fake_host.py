"""A fake that lies is worse than none: impossible worlds are refused."""

from __future__ import annotations

from typing import Any

import pytest

from saltern.engine.call import call
from saltern.sdk import Command, NotAllowed, NotFound, User
from saltern.testing.host import FakeHost, ImpossibleWorld


@pytest.mark.parametrize(
    "world",
    [
        {"files": {"/a": "", "/a/b": ""}},
        {"files": {"relative": ""}},
        {"files": {"/a/../b": ""}},
        {"files": {"/tmp": ""}},
        {"user": "ghost"},
    ],
)
def test_worlds_that_can_not_be(world: dict[str, Any]) -> None:
    with pytest.raises(ImpossibleWorld):
        FakeHost(**world)


def test_a_command_nobody_foresaw() -> None:
    host = FakeHost(programs={"ls /": ""})
    with pytest.raises(ImpossibleWorld, match="nobody said what happens on: ls /etc"):
        host.run("ls", "/etc")
    with pytest.raises(NotFound, match="no program 'cat'"):
        host.run("cat")


def test_a_command_nobody_ran() -> None:
    with pytest.raises(ImpossibleWorld, match="never run"):
        FakeHost(programs={"ls /": ""}).check()


def test_only_root_becomes_another() -> None:
    users = [User(name="bob", uid=1000, gid=1000), User(name="eve", uid=1001, gid=1001)]
    host = FakeHost(users=users, user="bob", programs={"id": ""})
    assert host.execute(Command(argv=("id",), user="bob")).retcode == 0
    for other in ("eve", "root"):
        with pytest.raises(NotAllowed, match=other):
            host.execute(Command(argv=("id",), user=other))


def test_programs_change_files_and_time() -> None:
    host = FakeHost(programs={"make": {"writes": {"/tmp/out": "x"}, "takes": 5.0}})
    start = host.now()
    host.run("make")
    assert host.read("/tmp/out") == b"x"
    assert host.now() - start == 5.0


def test_time_does_not_run_backwards() -> None:
    outcome = call(FakeHost(), "test.sleep", [-1])
    assert outcome.error is not None
    assert "backwards" in outcome.error.message


def test_a_program_answers_by_what_others_left_behind() -> None:
    host = FakeHost(
        programs={
            "start": {"writes": {"/tmp/up": ""}},
            "stop": {"removes": ["/tmp/up"]},
            "status": {"retcode": 3, "when": {"/tmp/up": {"stdout": "up", "when": {"/tmp/well": "well"}}}},
        }
    )
    status = Command(argv=("status",))
    assert host.execute(status).retcode == 3
    host.run("start")
    assert host.execute(status).stdout == b"up"
    host.write("/tmp/well", b"")
    assert host.execute(status).stdout == b"well"
    host.run("stop")
    assert host.execute(status).retcode == 3


def test_a_program_keeps_what_it_is_told() -> None:
    host = FakeHost(
        programs={"put": {"keeps": "/tmp/x"}, "get": {"retcode": 1, "when": {"/tmp/x": {"shows": "/tmp/x"}}}}
    )
    assert host.execute(Command(argv=("get",))).retcode == 1
    host.run("put", stdin=b"told")
    assert host.run("get") == "told"
