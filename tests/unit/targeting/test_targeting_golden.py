"""Saltern's answers beside those of real Salt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.targeting import Index, Kind, TargetError, parse, resolve
from saltern.targeting.expression import Fact
from saltern.targeting.match import holds

DATA = Path(__file__).parent / "data"
GOLDEN = yaml.safe_load((DATA / "golden.yaml").read_text())["cases"]
CASES = [
    (kind, case if isinstance(case, dict) else {"target": case})
    for kind, cases in yaml.safe_load((DATA / "cases.yaml").read_text()).items()
    for case in cases
]


def meant(index: Index, kind: str, target: str, nodegroups: dict[str, Any]) -> list[str] | str:
    try:
        keys = resolve(parse(target, Kind(kind)), index, nodegroups=nodegroups)
    except TargetError:
        return "error"
    return [key.removeprefix("KEY-") for key in keys]


@pytest.mark.parametrize(("kind", "case"), CASES, ids=lambda value: str(value)[:60])
def test_answers_are_salts(kind: str, case: dict[str, Any], fleet: Index, nodegroups: dict[str, Any]) -> None:
    salts = GOLDEN[kind][case["target"]]
    ours = meant(fleet, kind, case["target"], nodegroups)
    if "ours" in case:
        assert case["why"]
        assert ours == case["ours"]
        assert ours != salts, "no longer differs from Salt"
    else:
        assert ours == salts


def test_every_case_was_asked() -> None:
    assert {(kind, case["target"]) for kind, case in CASES} == {
        (kind, target) for kind, targets in GOLDEN.items() for target in targets
    }


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (kind, case["target"])
        for kind, case in CASES
        if kind.startswith(("grain", "pillar")) and "ours" not in case
    ],
)
def test_one_agents_data_alone_gives_the_same_answer(kind: str, target: str, fleet: Index) -> None:
    fact = parse(target, Kind(kind))
    assert isinstance(fact, Fact)
    data = fleet.grains if fact.source == "grains" else fleet.pillar
    assert [member.name for member in fleet if holds(fact, data(member.key))] == GOLDEN[kind][target]
