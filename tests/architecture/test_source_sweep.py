"""Every module of the source: said what it is for, and no longer than one can read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src/saltern"
LONGEST = 500
MODULES = sorted(SOURCE.rglob("*.py"))
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

each = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))


def public(
    node: ast.Module | ast.ClassDef,
) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield what others may use: functions, classes, and their methods."""
    for child in node.body:
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if child.name.startswith("_"):
            continue
        yield child
        if isinstance(child, ast.ClassDef):
            yield from public(child)


def is_overload(node: Documented) -> bool:
    """Tell whether only the type checker sees it, or it sets a property that is described already."""
    decorators = [ast.unparse(each) for each in getattr(node, "decorator_list", ())]
    return any(name == "overload" or name.endswith(".setter") for name in decorators)


def test_the_source_is_found() -> None:
    assert len(MODULES) > 100


@each
def test_it_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "it needs a docstring: one sentence will do"


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.stem == "__init__" or not path.stem.startswith("_")],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_everything_public_in_it_is_described(path: Path) -> None:
    found = public(ast.parse(path.read_text()))
    bare = [
        f"{node.name}, line {node.lineno}"
        for node in found
        if not ast.get_docstring(node) and not is_overload(node)
    ]
    assert not bare, "without a docstring"


@each
def test_it_can_be_read_in_one_go(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines < LONGEST, f"{lines} lines: two rooms are better than one"


@each
def test_no_error_is_swallowed_unseen(path: Path) -> None:
    """``except Exception: pass`` hides what nobody thought of."""
    hiding = [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]
    assert not hiding
