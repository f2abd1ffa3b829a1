"""Pillars as real Salt makes them of the same trees; what differs does so on purpose and is listed here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.engine.pillar import External, compile_pillar
from saltern.engine.pillar_merge import merging_of
from saltern.sls.fault import SlsError
from saltern.sls.world import World
from saltern.testing.sls import MemoryTree

HERE = Path(__file__).parent
CASES: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "pillar_cases.yaml").read_text())
GOLDEN: dict[str, Any] = json.loads((HERE / "pillar_golden.json").read_text())

#: What is otherwise here, and why.
OTHERWISE: dict[str, Any] = {
    # `list` drops in Salt whatever the first SLS does not have, which with no override is everything.
    "list-false": {
        "x": [
            [
                {"q": [9]},
                [{"p": 1, "q": [1, 2], "d": {"m": 1}}, {"q": [2, 3], "r": 3, "d": {"n": 2}}],
            ],
            {"q": [9]},
        ],
        "own": [1, 1],
        "y": [1, {"z": 1}],
        "l": [[1, {"k": 1}], [1, 3]],
    },
    "incl-list-strategy": {"x": [2, 1]},
    "three-list": {"x": [[1, 2], 3], "z": 1},
    # `..name` is one level up, as in states.
    "rel-up": {"d": 1, "x": 1},
    # The defaults of one include are not those of the next.
    "includes": {
        "x": "own",
        "y": 1,
        "deep": {"er": {"n": 5, "e": "dd"}},
        "e": "ee",
        "f": "none",
        "n": {"q": 1},
    },
    # With pillar_includes_override_sls an include counts more at every level, not at the first alone.
    "includes-over": {
        "x": "included",
        "n": {"q": 1},
        "y": 1,
        "deep": {"er": {"n": 5, "e": "dd"}},
        "e": "ee",
        "f": "none",
    },
}
OTHERWISE["list-true"] = OTHERWISE["list-false"]
#: Errors here, which Salt notes in the pillar or passes over.
REFUSED = {"devtop-unknown": "there is no pillar environment 'prod'", "ext-bad": "ext_pillar"}


def made(case: Mapping[str, Any]) -> dict[str, Any]:
    opts = {**case.get("opts", {}), "pillarenv": case.get("pillarenv"), "saltenv": case.get("saltenv")}
    tree = MemoryTree(case.get("environments") or {"base": case["files"]})
    world = World(
        id="me", call=_no_function, grains={"id": "me", "os": "Debian", **case.get("grains", {})}, opts=opts
    )
    external = [External(*_printed(one)) for one in case.get("opts", {}).get("ext_pillar", ())]
    return merging_of(opts).with_given(
        compile_pillar(world, tree, external=external), case.get("given") or {}
    )


def _no_function(fun: str, *args: Any, **kwargs: Any) -> Any:
    assert fun == "pillar.get"
    return args[1]


def _printed(source: Mapping[str, str]) -> tuple[str, Any]:
    """Do what Salt's cmd_json does with ``echo``, without a program."""
    ((kind, command),) = source.items()
    if not command.startswith("echo"):
        from saltern.foundation.errors import Unavailable

        def fail(name: str, pillar: Mapping[str, Any]) -> dict[str, Any]:
            raise Unavailable("it is broken")

        return kind, fail
    return kind, lambda name, pillar: json.loads(command.removeprefix("echo ").strip("'"))


@pytest.mark.parametrize("name", CASES)
def test_as_salt(name: str) -> None:
    wanted = OTHERWISE.get(name, GOLDEN[name])
    if name in REFUSED or "_errors" in wanted:
        with pytest.raises(SlsError, match=REFUSED.get(name, ".")):
            made(CASES[name])
    else:
        assert json.loads(json.dumps(made(CASES[name]))) == wanted


def test_what_differs_does() -> None:
    assert all(GOLDEN[name] != wanted for name, wanted in OTHERWISE.items())
    assert set(GOLDEN) == set(CASES)
