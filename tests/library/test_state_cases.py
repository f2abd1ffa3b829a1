"""Every case under ``<noun>/states/<state>/``: a world, a state, and what must follow.

Each is looked at (which must change nothing), run, and run again (which must find nothing to do)::

    given:                      # FakeHost's arguments, and tree: {path: content}, pillar: {…}
      files: {/etc/motd: "old\\n"}
    state: {file.managed: [{name: /etc/motd}, {contents: new}]}    # below the id "it"
    also: {…}                   # further states, by their ids
    then:
      result: true              # default
      changes: {diff: …}        # all of them; ``differs: [diff]`` gives only their names
      comment: "a part of it"
      test: null                # the dry run's result: default null when it changes something
      files: {/etc/motd: "new\\n", /etc/gone: null}
      modes: {/etc/motd: "0644"}
      owners: {/etc/motd: [0, 0]}
      links: {/etc/x: target}
      ran: ["ls /"]             # command lines of the first run
      warnings: ["a part of it"]
      again: {…}                # of the second run; default: result true and nothing changed
"""

from __future__ import annotations

import json
import runpy
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from saltern.engine.encode import encode
from saltern.sdk import User
from saltern.sdk.registry import LIBRARY
from saltern.testing.host import FakeHost
from saltern.testing.states import run, site, snapshot

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/states/*/*.yaml"))
MISSING: Any = object()


class Then(msgspec.Struct, forbid_unknown_fields=True):
    """What must follow; what is not mentioned is not looked at."""

    result: bool | None = True
    changes: Any = MISSING
    differs: list[str] | None = None
    comment: str = ""
    test: Any = MISSING
    files: dict[str, str | None] = {}
    modes: dict[str, str] = {}
    owners: dict[str, list[int]] = {}
    links: dict[str, str] = {}
    ran: list[str] | None = None
    warnings: list[str] = []
    again: dict[str, Any] = {}
    environment: dict[str, str | None] = {}


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """One file."""

    state: dict[str, Any]
    then: dict[str, Any]
    given: dict[str, Any] = {}
    also: dict[str, Any] = {}


@pytest.mark.parametrize("path", CASES, ids=[str(path.relative_to(HERE)) for path in CASES])
def test_state_case(path: Path) -> None:
    case = msgspec.convert(yaml.load(path.read_text(), yaml.CSafeLoader), Case)
    fun = next(iter(case.state))
    assert fun == f"{path.parents[2].name}.{path.parent.name}", "filed under another state's name"
    then = Then(**case.then)
    host, made = world(case.given)
    high = {"it": case.state, **case.also}

    before, ran = snapshot(host), len(host.ran)
    looked = one(run(made, high, test=True), fun)
    assert snapshot(host) == before, "a dry run has changed something"
    would = bool(then.changes if then.changes is not MISSING else then.differs)
    default = None if would and then.result is not False else then.result
    assert looked["result"] == (default if then.test is MISSING else then.test), looked
    del host.ran[ran:]

    done = one(run(made, high), fun)
    check(done, then)
    check_world(host, then)

    if then.result is True or then.again:
        between = snapshot(host)
        again = one(run(made, high), fun)
        check(again, Then(**(then.again or {"changes": {}})))
        if not then.again:
            assert snapshot(host) == between, "a second run has changed something"


def world(given: dict[str, Any]) -> tuple[FakeHost, Any]:
    """Build the world a case describes, and its site."""
    given = dict(given)
    tree, pillar = given.pop("tree", {}), given.pop("pillar", {})
    given["users"] = [User(**user) for user in given.get("users", [])]
    host = FakeHost(**given)
    return host, site(host, tree=tree, pillar=pillar)


def one(results: dict[str, dict[str, Any]], fun: str) -> dict[str, Any]:
    """Return the result of the state with the id ``it``."""
    noun, _, verb = fun.partition(".")
    (found,) = [
        result
        for key, result in results.items()
        if key.startswith(f"{noun}_|-it_|-") and key.endswith(f"_|-{verb}")
    ]
    plain: dict[str, Any] = json.loads(encode(found))
    return plain


def check(done: dict[str, Any], then: Then) -> None:
    """Compare a result."""
    assert done["result"] == then.result, done
    assert then.comment in done["comment"]
    if then.changes is not MISSING:
        assert done["changes"] == then.changes, done
    if then.differs is not None:
        assert sorted(done["changes"]) == sorted(then.differs)
    for part in then.warnings:
        assert any(part in warning for warning in done.get("warnings", [])), done


def check_world(host: FakeHost, then: Then) -> None:
    """Compare what is left behind."""
    for path, content in then.files.items():
        found = host.files.get(path)
        assert (found.data.decode() if found else None) == content, path
    for path, mode in then.modes.items():
        there = host.stat(path)
        assert there is not None
        assert f"{there.mode:04o}" == mode, path
    for path, (uid, gid) in then.owners.items():
        there = host.stat(path, follow=False)
        assert there is not None
        assert (there.uid, there.gid) == (uid, gid), path
    for path, target in then.links.items():
        there = host.stat(path, follow=False)
        assert there is not None
        assert there.target == target, path
    for name, value in then.environment.items():
        assert host.environment.get(name) == value
    if then.ran is not None:
        assert [shlex.join(command.argv) for command in host.ran] == then.ran


@pytest.mark.parametrize("name", LIBRARY.state_names())
def test_every_state_has_a_case(name: str) -> None:
    noun, _, verb = name.partition(".")
    kind = LIBRARY.state(name)
    is_second_name = verb.replace("_", "") != kind.cls.__name__.lower()
    if not is_second_name:  # those are tried under the first
        assert list((HERE / noun / "states" / verb).glob("*.yaml")), f"tests/library/{noun}/states/{verb}"


@pytest.mark.parametrize("name", LIBRARY.state_names())
def test_every_state_is_documented_with_an_example(name: str) -> None:
    doc = LIBRARY.state(name).doc
    assert doc.splitlines()[0].endswith((".", ":"))
    _, _, example = doc.partition("\nExample:\n")
    written = yaml.safe_load(example)
    assert isinstance(written, list)
    fun = next(iter(written[0]))
    assert LIBRARY.state(fun).cls is LIBRARY.state(name).cls


@pytest.mark.parametrize("name", LIBRARY.state_names())
def test_every_argument_has_a_type_that_can_be_checked(name: str) -> None:
    for field in LIBRARY.state(name).fields:
        assert isinstance(msgspec.json.schema(field.type), dict)


def test_the_reference_is_that_of_this_code() -> None:
    root = HERE.parent.parent
    render = runpy.run_path(str(root / "tools/reference.py"))["render_states"]
    assert (root / "docs/reference/states.md").read_text() == render(), "run: python tools/reference.py"
