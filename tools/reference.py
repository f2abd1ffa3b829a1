"""Writes docs/reference/functions.md from the registry: ``python tools/reference.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from saltern.sdk.registry import Function, Package, Registry, public_name

TARGET = Path(__file__).parent.parent / "docs/reference/functions.md"
HEAD = """# Functions

What can be run on a host, by noun. `saltern run TARGET NOUN.FUNCTION …` runs one on many hosts,
`saltern call NOUN.FUNCTION …` on this one. This page is made from the code by `tools/reference.py`.
"""


def render() -> str:
    """Return the whole page. Only Saltern's own nouns are in it, not those of plugins."""
    own = Registry(Package("saltern.library"))
    return "\n".join([HEAD, *(line for noun in own.nouns() for line in _noun(own, noun))])


def _noun(registry: Registry, noun: str) -> Iterator[str]:
    functions = registry.noun(noun)
    if not functions:  # only states
        return
    module = next(iter(functions.values())).module
    yield f"## {noun}\n"
    yield f"{(module.__doc__ or '').strip()}\n"
    for verb in sorted(functions):
        yield from _function(functions[verb])
    for options in dict.fromkeys(filter(None, (one.options for one in functions.values()))):
        yield f"### Options of {noun}\n"
        yield f"What `**options` stands for above. {(options.__doc__ or '').strip()}\n"
        yield from ("| option | default | meaning |", "|---|---|---|")
        yield from (_option(field) for field in msgspec.structs.fields(options))
        yield ""


def _function(function: Function) -> Iterator[str]:
    yield f"### {function.name}\n"
    if public_name(function.call.__name__) != function.name.partition(".")[2]:
        original = public_name(function.call.__name__)
        yield f"The same as `{function.name.partition('.')[0]}.{original}`.\n"
        return
    text, _, example = function.doc.partition("\nExample:\n")
    yield f"`{function.signature}`\n"
    yield f"{text.strip()}\n"
    yield "```\n" + "\n".join(line.strip() for line in example.strip().splitlines()) + "\n```\n"


def _option(field: msgspec.structs.FieldInfo) -> str:
    (meta,) = get_args(field.type)[1:]
    return f"| `{field.name}` | `{field.default!r}` | {meta.description} |"


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(render())
