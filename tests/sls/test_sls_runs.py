"""Every case of ``runs`` ends as real Salt ends it, and dry runs change nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from saltern.testing.runs import RunCase, by_saltern, comparable, load_runs

HERE = Path(__file__).parent
CASES = load_runs(HERE / "runs")
#: What Salt made of each case, null where it refused. `make differential` records it.
GOLDEN: dict[str, Any] = json.loads((HERE / "golden-runs.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_run_as_salt_runs_it(name: str, tmp_path: Path) -> None:
    case, salts = CASES[name], GOLDEN[name]
    ours = by_saltern(case, tmp_path)
    check_dry_runs(case, ours)
    if salts is None or "refused" in ours:
        same = salts is None and "refused" in ours
    else:
        same = comparable(case, ours) == comparable(case, salts)
    assert same is not bool(case.differs), ours


def check_dry_runs(case: RunCase, ours: dict[str, Any]) -> None:
    """A dry run leaves the disk as it was, unless a state says ``test: false``."""
    if "refused" in ours or case.pillar.get("test") == "false":
        return
    assert ours["disk after dry again"] == ours["disk after real"]
    if not case.disk:
        assert ours["disk after dry"] == {}


def test_every_case_has_salts_answer_and_no_other() -> None:
    assert set(GOLDEN) == set(CASES)


def test_there_are_enough() -> None:
    assert len(CASES) >= 150
