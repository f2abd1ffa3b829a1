"""States on the fleet: what ``apply``, ``plan`` and ``show`` have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from saltern.cli import local
from saltern.cli.arguments import parse, read
from saltern.cli.commands.run import add_kinds, add_state_output
from saltern.cli.context import Context
from saltern.cli.states import StatesView
from saltern.cli.views import JsonView, View
from saltern.foundation.errors import UsageError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of a command that works on a TARGET, or with ``--local`` on this machine."""
    parser.add_argument("words", nargs="*", metavar="WORD", help=argparse.SUPPRESS)
    add_kinds(parser, taken=("--pillar",))
    states = parser.add_argument_group("which states")
    states.add_argument("--pillar", action="append", metavar="NAME=VALUE|JSON", help="laid over the pillar")
    states.add_argument("--saltenv", metavar="NAME", help="the environment that SLS are looked up in (base)")
    states.add_argument("--exclude", action="append", metavar="SLS", help="leave out an SLS")
    shown = parser.add_argument_group("how results are shown")
    shown.add_argument("--no-fold", action="store_true", help="each agent for itself, as it comes")
    shown.add_argument("--no-progress", action="store_true", help="no table while it goes on")
    add_state_output(shown)
    here = parser.add_argument_group("on this machine, without a controller")
    local.add_options(here, state_output=False)


def is_local(options: argparse.Namespace) -> bool:
    """Tell whether this machine is meant."""
    return bool(options.local or options.file_root or options.pillar_root or options.id)


def words_of(options: argparse.Namespace) -> list[str]:
    """Return TARGET and SLS, or with ``--local`` the SLS."""
    return [*options.words, *options.literal]


def target_of(words: Sequence[str], command: str) -> tuple[str, list[str], dict[str, Any]]:
    """Return the target, the SLS and the named arguments in ``words``. Raises UsageError."""
    if not words or not words[0]:
        raise UsageError(
            f"saltern {command} needs a TARGET",
            hint=f"saltern {command} 'web*' nginx; on this machine: saltern {command} --local nginx",
        )
    target, *rest = words
    positional, named = parse(rest)
    return target, names_of([str(word) for word in positional]), named


def names_of(words: Sequence[str]) -> list[str]:
    """Return the SLS in ``words``, each of which may have several with commas."""
    return [name for word in words for name in word.split(",") if name]


def selection(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments that say which states, as far as they were given."""
    found = {"saltenv": options.saltenv, "pillar": pillar(options.pillar), "exclude": options.exclude}
    return {name: value for name, value in found.items() if value}


def pillar(words: Sequence[str] | None) -> dict[str, Any]:
    """Return what is laid over the pillar. Raises UsageError."""
    found: dict[str, Any] = {}
    for word in words or ():
        named = parse([word])[1] if not word.startswith("{") else read(word)
        if not isinstance(named, dict) or not named:
            raise UsageError(f"--pillar {word!r} is neither NAME=VALUE nor a JSON object")
        found |= named
    return found


def whom(options: argparse.Namespace, target: str) -> dict[str, Any]:
    """Return the target as the API takes it."""
    body = {"target": target, "kind": options.kind}
    return body if options.delimiter is None else body | {"delimiter": options.delimiter}


def view_of(context: Context, options: argparse.Namespace) -> View:
    """Return the view that the options ask for."""
    if context.json:
        return JsonView(context)
    return StatesView(
        context,
        options.state_output,
        together=not options.no_fold,
        progress=not options.no_progress,
        of_states=True,
    )
