"""Every case of a tree: it comes to what real Salt makes of it, or to the faults that are expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from saltern.sls.fault import Fault
from saltern.testing.sls import Case, ExpectedFault, comparable, load_case

HERE = Path(__file__).parent
PATHS = sorted((HERE / "cases").glob("*.yaml"))
#: What Salt made of each case: low data, or null where it refused. `make differential` records it.
GOLDEN: dict[str, Any] = json.loads((HERE / "golden.json").read_text())


def case_of(path: Path) -> Case:
    return load_case(path)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = case_of(path)
    compiled = case.compile()
    assert_expected(case, compiled.faults)
    if not case.differs and not case.faults:
        ours = json.loads(json.dumps(comparable(compiled), default=as_text))
        assert ours == GOLDEN[path.stem]


def as_text(value: Any) -> str:
    """Bytes, in the form in which the golden file has them."""
    assert isinstance(value, bytes)
    return value.decode("latin-1")


def assert_expected(case: Case, faults: tuple[Fault, ...]) -> None:
    """Each fault is expected, and each that is expected is there."""
    told = "\n".join(map(str, faults))
    assert len(faults) == len(case.faults), told or "no fault"
    for expected in case.faults:
        assert any(fits(fault, expected) for fault in faults), f"{expected} is not among:\n{told}"


def fits(fault: Fault, expected: ExpectedFault) -> bool:
    place = str(fault.where)
    return (
        (place == expected.where or place.startswith(f"{expected.where}:"))
        and expected.says in fault.message
        and expected.hint in fault.hint
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_salt_refuses_where_we_do(path: Path) -> None:
    """A case that is refused is refused by Salt too, unless it says why not."""
    case = case_of(path)
    if not case.differs:
        assert bool(case.faults) == (GOLDEN[path.stem] is None)


def test_every_case_has_salts_answer() -> None:
    assert set(GOLDEN) == {path.stem for path in PATHS}
