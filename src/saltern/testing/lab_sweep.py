"""States tried on a real host: a dry run changes nothing, a run does it, a second one finds nothing to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from saltern.testing.lab_host import LabHost

Results = dict[str, dict[str, Any]]


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a host is like before: done in this order."""

    packages: tuple[str, ...] = ()
    files: Mapping[str, str] = {}
    commands: tuple[str, ...] = ()


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A function called afterwards, and what it gives."""

    fun: str
    gives: Any
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


class Then(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must follow. States are named by their id, or ``id module.function`` where that isn't enough."""

    fails: Mapping[str, str] = {}  # a state that fails: a part of its comment
    unchanged: tuple[str, ...] = ()  # states with nothing to do even at first
    always: tuple[str, ...] = ()  # states that do something each time, such as commands
    comments: Mapping[str, str] = {}  # a part of a state's comment
    changes: Mapping[str, Any] = {}  # a state's changes, all of them
    commands: Mapping[str, str] = {}  # a shell command: its output, or ~ and a regular expression found in it
    calls: tuple[Call, ...] = ()
    hidden: tuple[str, ...] = ()  # secrets: no result, console or process list may hold them


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. ``sls`` is an SLS as data, or as text where a template is wanted."""

    sls: str | Mapping[str, Any]
    then: Then = Then()
    given: Given = Given()
    tree: Mapping[str, str] = {}
    pillar: Mapping[str, Any] = {}


def read_case(path: Path) -> Case:
    """Return the case in a YAML file. Raises msgspec.ValidationError."""
    import yaml

    return msgspec.convert(yaml.load(path.read_text(), yaml.CSafeLoader), Case)


def try_case(host: LabHost, case: Case) -> None:
    """Make the host as it shall be, sweep the states over it, and look at what followed."""
    if case.given.packages:
        host.install(*case.given.packages)
    for path, content in case.given.files.items():
        host.put(path, content)
    for command in case.given.commands:
        host.shell(command)
    sweep(host, case)
    for command, wanted in case.then.commands.items():
        said = host.shell(command).strip()
        met = re.search(wanted[1:], said) if wanted.startswith("~") else said == wanted.strip()
        assert met, f"{command}: {said!r}, not {wanted!r}"
    for call in case.then.calls:
        assert host.call(call.fun, *call.args, **call.kwargs) == call.gives, call


def sweep(host: LabHost, case: Case) -> Results:
    """Look, run, and run again, each checked; return the results of the run."""
    before = host.snapshot()
    looked = host.apply(case.sls, tree=case.tree, pillar=case.pillar, test=True)
    _check_same(before, host.snapshot(), "a dry run has changed something")
    done = host.apply(case.sls, tree=case.tree, pillar=case.pillar)
    between = host.snapshot()
    again = host.apply(case.sls, tree=case.tree, pillar=case.pillar)
    for name, result in done.items():
        _check(case.then, name, looked[name], result, again[name])
    if not _every_time(case.then):
        _check_same(between, host.snapshot(), "a second run has changed something")
    for secret in case.then.hidden:
        assert secret not in repr([looked, done, again]), "a result holds a secret"
    return done


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what differs between two snapshots, by path."""
    paths = {*one, *other}
    return {
        path: (one.get(path, ""), other.get(path, "")) for path in paths if one.get(path) != other.get(path)
    }


def _check_same(one: Mapping[str, str], other: Mapping[str, str], otherwise: str) -> None:
    found = differences(one, other)
    assert not found, f"{otherwise}: {found}"


def _check(
    then: Then, name: str, looked: dict[str, Any], done: dict[str, Any], again: dict[str, Any]
) -> None:
    """Check the three results of one state."""
    failure = _said_of(then.fails, name)
    assert done["result"] is (failure is None), done
    assert (failure or "") in done["comment"], done
    assert (_said_of(then.comments, name) or "") in done["comment"], done
    wanted = _said_of(then.changes, name)
    if wanted is not None:
        assert done["changes"] == wanted, done
    if failure is not None:
        return
    if _named(then.unchanged, name):
        assert done["changes"] == {}, done
    else:
        assert done["changes"] != {}, done
        assert looked["result"] is None, looked
    if not _named(then.always, name):
        assert (again["result"], again["changes"]) == (True, {}), again


def _every_time(then: Then) -> bool:
    return bool(then.always or then.fails)


def _named(names: tuple[str, ...], name: str) -> bool:
    return _said_of(dict.fromkeys(names, True), name) is not None


def _said_of(table: Mapping[str, Any], name: str) -> Any:
    """Return what a table says of a state by its whole name or its id; None for nothing."""
    return table.get(name, table.get(name.rpartition(" ")[0]))
