"""What can be called from outside, and what cannot."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path

import pytest

from saltern.sdk import Host, NotFound, NotSupported
from saltern.sdk.registry import LIBRARY, EntryPoints, Package, Registry
from saltern.testing.host import FakeHost

MODULE = '''
"""A noun."""
import os
from os import getcwd
from saltern.sdk import Host, NotFound

REQUIRES = ("frob",)
ALIASES = {"other": "list_"}
VALUE = 5

class Thing:
    pass

def list_(host: Host) -> list[str]:
    return []

def no_host(name: str) -> str:
    return name

def _private(host: Host) -> None:
    pass

def nothing() -> None:
    pass

def unavailable(host: Host) -> str:
    return "" if host.exists("/ok") else "there is no /ok"
'''


class Given:
    """A source that a test fills."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def modules(self) -> Mapping[str, str]:
        return self._modules


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    (tmp_path / "frobnoun.py").write_text(MODULE)
    (tmp_path / "brokennoun.py").write_text("raise SystemError('half installed')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("frobnoun", "brokennoun"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return Registry(Given({"frob": "frobnoun", "broken": "brokennoun"}))


def test_only_own_functions_that_take_a_host(registry: Registry) -> None:
    assert sorted(registry.noun("frob")) == ["list", "other"]


@pytest.mark.parametrize(
    "name",
    [
        *("frob.no_host", "frob._private", "frob.getcwd", "frob.os", "frob.Thing", "frob.VALUE"),
        *("frob.list_", "frob.nothing", "frob.unavailable", "frob.NotFound", "frob.__doc__", "frob.list.x"),
        *("frob", "", ".", "frob.", ".list", "os.system", "frobnoun.list", "FROB.list", "frob.list\n"),
        *("frob.list\0", "../frob.list", "saltern.library.test.ping", "builtins.eval", "frob.__class__"),
    ],
)
def test_nothing_else_can_be_reached(registry: Registry, name: str) -> None:
    with pytest.raises(NotFound):
        registry.function(name)


def test_an_alias_is_a_name_of_its_own(registry: Registry) -> None:
    assert registry.function("frob.other").call is registry.function("frob.list").call
    assert registry.function("frob.other").name == "frob.other"


def test_a_near_name_is_proposed() -> None:
    with pytest.raises(NotFound) as caught:
        LIBRARY.function("test.pign")
    assert caught.value.hint == "did you mean 'test.ping'?"


def test_a_broken_plugin_is_named_and_spoils_nothing(registry: Registry) -> None:
    with pytest.raises(NotSupported, match="'broken' can't be loaded from brokennoun: SystemError: half"):
        registry.function("broken.thing")
    assert [str(error) for error in registry.preload()] == [
        "the noun 'broken' can't be loaded from brokennoun: SystemError: half installed"
    ]
    assert registry.names() == ["frob.list", "frob.other"]


def test_what_a_host_lacks(registry: Registry) -> None:
    function = registry.function("frob.list")
    assert function.refusal(FakeHost()) == "the program 'frob' is not on this host"
    assert function.refusal(FakeHost(programs={"frob": ""})) == "there is no /ok"
    assert function.refusal(FakeHost(programs={"frob": ""}, files={"/ok": ""})) == ""


def test_the_first_source_wins(registry: Registry) -> None:
    both = Registry(Package("saltern.library"), Given({"test": "frobnoun"}))
    assert both.function("test.ping").module.__name__ == "saltern.library.test"


def test_entry_points_come_through_the_same_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugged.py").write_text(MODULE)
    information = tmp_path / "plugged-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[saltern.library]\nplug = plugged\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry(Package("saltern.library"), EntryPoints("saltern.library"))
    assert "plug" in registry.nouns()
    assert registry.function("plug.list").module.__name__ == "plugged"


def test_a_look_up_imports_only_its_noun() -> None:
    script = (
        "import sys; from saltern.sdk.registry import LIBRARY; LIBRARY.function('test.ping');"
        "print([name for name in sys.modules if name.startswith('saltern.library.')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['saltern.library.test']"


def test_preload_imports_all() -> None:
    assert LIBRARY.preload() == []
    assert {"test", "cmd", "grains", "sys", "saltutil"} <= set(LIBRARY.nouns())


def test_a_method_posing_as_a_function_is_not_one() -> None:
    module = types.ModuleType("posing")

    class Thing:
        def act(self, host: Host) -> None:
            """Take self first, and host second."""

    Thing.act.__module__ = "posing"
    vars(module)["act"] = Thing.act
    sys.modules["posing"] = module
    try:
        assert Registry(Given({"posing": "posing"})).noun("posing") == {}
    finally:
        del sys.modules["posing"]


STATES = '''
"""Bells."""
from saltern.sdk import Changes, Host, State
from saltern.sdk.state import Action

STATE_ALIASES = {"tolled": "RungOften"}


class RungOften(State, frozen=True, kw_only=True):
    """Ring."""


class _Hidden(State, frozen=True, kw_only=True):
    """Not for others."""
'''


def test_states_are_the_classes_of_a_noun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "belfry"
    (package / "bell").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "hand.py").write_text(STATES)
    (package / "bell/__init__.py").touch()
    (package / "bell/states.py").write_text(STATES)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry(Package("belfry"))
    assert registry.state_names() == ["bell.rung_often", "bell.tolled", "hand.rung_often", "hand.tolled"]
    assert registry.state("bell.tolled").cls is registry.state("bell.rung_often").cls
    with pytest.raises(NotFound, match=r"no state 'bell\.rung_ofte'") as raised:
        registry.state("bell.rung_ofte")
    assert "bell.rung_often" in raised.value.hint
    for reached_for in ("bell.state", "bell._hidden", "bell.action", "bell", "bell.RungOften"):
        with pytest.raises(NotFound):
            registry.state(reached_for)


def test_a_module_below_a_noun_does_not_hide_a_function_of_its_name() -> None:
    """``pkg`` has a function ``held`` and a module of that name, which its states import."""
    registry = Registry(Package("saltern.library"))
    assert "held" in registry.states("pkg")
    assert registry.function("pkg.held").name == "pkg.held"


def test_functions_of_a_folder_are_gathered_where_it_says() -> None:
    registry = Registry(Package("saltern.library"))
    assert registry.function("file.find").module.__name__ == "saltern.library.file"
    assert "globbed" not in registry.noun("file")


def test_after_a_reload_nouns_that_share_a_room_have_the_same_one() -> None:
    from importlib import import_module

    registry = Registry(Package("saltern.library"))
    for noun in ("ssh", "ssh_auth"):
        registry.noun(noun)
        registry.states(noun)
    registry.reload()
    registry.states("ssh_auth")
    room, taker = import_module("saltern.library.ssh.authorized"), import_module("saltern.library.ssh_auth")
    assert taker.Key is room.Key
    assert taker.files is import_module("saltern.library.ssh.files")
