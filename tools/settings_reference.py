"""Writes docs/reference/settings.md from the settings structs: ``python -m tools.settings_reference``.

What a setting means is the comment at its end in the source.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from saltern.agent.settings import AgentSettings
from saltern.controller.settings import ControllerSettings

TARGET = Path(__file__).parent.parent / "docs/reference/settings.md"
HEAD = """# Settings

Two files in `/etc/saltern` (with `--root DIR` or `SALTERN_ROOT`: in `DIR/etc/saltern`). Neither has to be
there: everything has a default. An unknown name or a value of the wrong kind is an error that gives the line
and the nearest known name, and nothing is started.

Durations are text: `30s`, `5m`, `1h30m`, `7d`, or plain seconds. Sizes are bytes. A change counts from the
next start. This page is made from the code by `tools/settings_reference.py`.
"""
FILES: dict[str, type[msgspec.Struct]] = {"controller.yaml": ControllerSettings, "agent.yaml": AgentSettings}


def render() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *(line for file, kind in FILES.items() for line in _file(file, kind))])


def settings(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield (dotted name, type, default, meaning) of each setting; empty meaning: nobody gave one."""
    source = {node.target.id: (node, said) for node, said in _declared(kind)}
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from settings(field.type, f"{prefix}{field.name}.")
            continue
        node, said = source[field.name]
        yield prefix + field.name, ast.unparse(node.annotation), _default(field), said


def _declared(kind: type[msgspec.Struct]) -> Iterator[tuple[Any, str]]:
    text = inspect.getsource(kind)
    lines = text.splitlines()
    (made,) = ast.parse(text).body
    assert isinstance(made, ast.ClassDef)
    for node in made.body:
        if isinstance(node, ast.AnnAssign):
            rest = lines[(node.end_lineno or 1) - 1].encode()[node.end_col_offset or 0 :].decode()
            yield node, rest.partition("#")[2].strip()


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default).decode()}`"
    made = field.default_factory
    return str(made.__doc__) if inspect.isfunction(made) else f"`{msgspec.json.encode(made()).decode()}`"


def _file(file: str, kind: type[msgspec.Struct]) -> Iterator[str]:
    yield f"## {file}\n"
    yield "| setting | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, type_, default, meaning in settings(kind):
        shown = type_.replace("|", "\\|")
        yield f"| `{name}` | `{shown}` | {default} | {meaning} |"
    yield "\nAll of it, with the defaults:\n"
    yield "```yaml"
    yield from _yaml(kind, "")
    yield "```\n"


def _yaml(kind: type[msgspec.Struct], indent: str) -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield f"{indent}{field.name}:"
            yield from _yaml(field.type, indent + "  ")
        elif (default := _default(field)).startswith("`"):
            yield f"{indent}{field.name}: {default.strip('`')}"
        else:
            yield f"{indent}# {field.name}: {default}"


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(render())
