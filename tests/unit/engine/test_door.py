"""The host as a state sees it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from saltern.engine.door import PLAIN, Door, Looking, Mending, Surroundings
from saltern.sdk import Command, Conflict, Host
from saltern.testing.host import FakeHost

#: What only looks; every other method of a host must be refused to ``check``.
LOOKS = {
    *("now", "steady", "sleep", "uname", "user", "group", "interfaces", "reach", "execute", "which", "read"),
    "http",
    "open",
    *("stat", "list_directory", "emit", "forget_grains", "run", "exists", "text", "real_path", "fail"),
}
ARGUMENTS: dict[str, Any] = {"path": "/tmp/x", "data": b"", "mode": 0o600, "target": "t", "name": "A"}
ARGUMENTS |= {
    "value": "x",
    "uid": 0,
    "gid": 0,
    "accessed": 0.0,
    "modified": 0.0,
    "pid": 1,
    "number": 15,
    "to": "/tmp/y",
    "kind": "pipe",
}
ARGUMENTS |= {"command": Command(argv=("x",)), "pieces": (b"",)}


def changing() -> list[str]:
    """Return the methods of a host that may change something."""
    methods = [name for name, _ in inspect.getmembers(Host, inspect.isfunction) if not name.startswith("_")]
    return sorted(set(methods) - LOOKS)


def arguments(name: str) -> dict[str, Any]:
    required = [
        one.name
        for one in inspect.signature(getattr(Host, name)).parameters.values()
        if one.default is inspect.Parameter.empty and one.name != "self"
    ]
    return {one: ARGUMENTS[one] for one in required}


def test_there_are_things_to_refuse() -> None:
    assert {"write", "remove", "link", "spawn", "set_mode"} <= set(changing())


@pytest.mark.parametrize("name", changing())
def test_who_looks_is_refused(name: str) -> None:
    host = FakeHost(files={"/tmp/x": "old"})
    with pytest.raises(Conflict, match="may only look"):
        getattr(Looking(host), name)(**arguments(name))
    assert host.files["/tmp/x"].data == b"old"


@pytest.mark.parametrize("name", changing())
def test_who_mends_is_noted(name: str) -> None:
    host = FakeHost(files={"/tmp/x": "old"}, programs={"x": ""}, directories=["/tmp/x/"[:4]])
    noted: list[str] = []
    mending = Mending(host, PLAIN, None, noted.append, noted.append)
    given = arguments(name)
    if name == "hard_link":
        given["target"] = "/tmp/y"
        host.write("/tmp/y", b"")
    if name in ("make_directory", "remove_tree", "hard_link", "make_node"):
        host.remove("/tmp/x")
    if name == "remove_tree":
        host.make_directory("/tmp/x")
        host.write("/tmp/x/deep", b"")
    getattr(mending, name)(**given)
    if name != "lock":  # nothing is left of it
        assert noted
        assert mending.touched


def test_a_tree_is_noted_whole_before_it_goes() -> None:
    host = FakeHost(files={"/srv/a/b": "x", "/srv/l": {"link": "/etc"}})
    noted: list[str] = []
    Mending(host, PLAIN, None, noted.append, noted.append).remove_tree("/srv")
    assert noted == ["/srv", "/srv/a", "/srv/a/b", "/srv/l"]
    assert "/srv/a/b" not in host.files


def test_directories_that_are_made_on_the_way_are_noted() -> None:
    host = FakeHost()
    noted: list[str] = []
    Mending(host, PLAIN, None, noted.append, noted.append).make_directory("/srv/a/b")
    assert noted == ["/srv", "/srv/a", "/srv/a/b"]


def test_umask_and_timeout_are_the_states() -> None:
    host = FakeHost(programs={"x": ""})
    door = Door(host, Surroundings(umask=0o077, timeout=5.0))
    door.execute(Command(argv=("x",)))
    door.execute(Command(argv=("x",), umask=0o022, timeout=1.0))
    assert [(one.umask, one.timeout) for one in host.ran] == [(0o077, 5.0), (0o022, 1.0)]
    door.write("/tmp/new", b"")
    door.make_directory("/srv/d")
    assert host.files["/tmp/new"].mode == 0o600
    assert host.folders()["/srv/d"][0] == 0o700


def test_what_is_said_of_a_call_stays_on_its_side() -> None:
    host = FakeHost()
    door = Door(host)
    door.fail(3)
    assert (door.retcode, host.retcode) == (3, 0)
