"""Every room of the source stands in the contracts, so that none escapes them."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def contract(name: str) -> dict[str, object]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    found: dict[str, object] = next(each for each in settings["contracts"] if each["name"] == name)
    return found


def test_every_room_has_its_layer() -> None:
    downward = contract("Dependencies run downward")
    layers, ignored = downward["layers"], downward["exhaustive_ignores"]
    assert isinstance(layers, list)
    assert isinstance(ignored, list)
    named = {room.strip() for layer in layers for room in layer.split("|")} | set(ignored)
    rooms = {path.parent.name for path in (PROJECT / "src/saltern").glob("*/__init__.py")}
    assert named == rooms


def test_only_what_ships_for_tests_escapes_the_layers() -> None:
    assert contract("Dependencies run downward")["exhaustive_ignores"] == ["testing"]


def test_nothing_but_the_fakes_themselves_uses_the_fakes() -> None:
    users = [
        str(path)
        for path in (PROJECT / "src/saltern").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "saltern.testing" in ast.unparse(node)
        and "testing" not in path.parts
    ]
    assert users == []
