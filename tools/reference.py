"""Writes docs/reference/functions.md and states.md from the registry: ``python tools/reference.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from saltern.sdk import Action
from saltern.sdk.registry import Function, Package, Registry, StateKind, public_name

REFERENCE = Path(__file__).parent.parent / "docs/reference"
TARGET = REFERENCE / "functions.md"
HEAD = """# Functions

What can be run on a host, by noun. `saltern run TARGET NOUN.FUNCTION …` runs one on many hosts,
`saltern call NOUN.FUNCTION …` on this one. This page is made from the code by `tools/reference.py`.
"""


STATES_HEAD = """# States

What can be kept true on a host, by noun. An SLS names a state and its arguments; `name` is the
declaration's id unless it is given. What every state understands besides (`require`, `unless`, `retry`, …)
is described in [How states run](states-engine.md). This page is made from the code by `tools/reference.py`.
"""


def registry() -> Registry:
    """Return Saltern's own nouns, without those of plugins."""
    return Registry(Package("saltern.library"), Package("saltern.engine.nouns"))


def render_states() -> str:
    """Return the whole page of states."""
    own = registry()
    kinds = [own.state(name) for name in own.state_names()]
    return "\n".join([STATES_HEAD, *(line for kind in kinds for line in _state(kind))])


def _state(kind: StateKind) -> Iterator[str]:
    yield f"## {kind.name}\n"
    if kind.cls.__name__.lower() != kind.name.partition(".")[2].replace("_", ""):
        yield f"The same as `{kind.name.partition('.')[0]}.{kind.cls.__name__.lower()}`.\n"
        return
    text, _, example = kind.doc.partition("\nExample:\n")
    yield f"{text.strip()}\n"
    if issubclass(kind.cls, Action):
        yield "An action: what it does is known when it is done.\n"
    arguments = [field for field in kind.fields if field.name not in ("name", "given")]
    if arguments:
        yield from ("| argument | default |", "|---|---|")
        yield from (f"| `{field.encode_name}` | {_default(field)} |" for field in arguments)
        yield ""
    yield f"```yaml\n{_as_sls(example)}```\n"


def _as_sls(example: str) -> str:
    """Return an example, written short in the code, as it stands in an SLS."""
    import yaml

    ((fun, given),) = yaml.safe_load(example)[0].items()
    arguments = given if isinstance(given, dict) else {} if isinstance(given, list) else {"name": given}
    items = [*(given if isinstance(given, list) else ()), *({key: value} for key, value in arguments.items())]
    return yaml.safe_dump({"some id": {fun: items}}, sort_keys=False, allow_unicode=True)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    made = field.default_factory() if callable(field.default_factory) else field.default
    return f"`{made!r}`"


def render() -> str:
    """Return the whole page of functions."""
    own = registry()
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
    meanings = [one.description or "" for one in get_args(field.type) if isinstance(one, msgspec.Meta)]
    return f"| `{field.name}` | `{field.default!r}` | {' '.join(meanings)} |"


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(render())
    (REFERENCE / "states.md").write_text(render_states())
