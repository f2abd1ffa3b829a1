"""``saltern show``: which states a machine gets, and what they come to."""

from __future__ import annotations

import argparse
from typing import Any

from saltern.cli import local
from saltern.cli.commands import fleet
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.follow import Follower
from saltern.cli.output.value import lines
from saltern.foundation.errors import UsageError

USAGE = """saltern show [OPTIONS] TARGET [SLS …]
       saltern show --local [OPTIONS] [SLS …]"""
EXAMPLES = """
  saltern show web1                      (all states that the top file gives it)
  saltern show web1 nginx --low
  saltern show 'web*' --top
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    fleet.add_options(parser)
    what = parser.add_mutually_exclusive_group()
    for name, meaning in (
        ("high", "what the SLS say, merged (default)"),
        ("low", "each state with its arguments, in the order of the run"),
        ("top", "the SLS that the top file gives, by environment"),
    ):
        what.add_argument(f"--{name}", dest="what", action="store_const", const=name, help=meaning)
    parser.set_defaults(handler=run, what="high")


def run(context: Context, options: argparse.Namespace) -> int:
    """Ask, and show what comes back."""
    words = fleet.words_of(options)
    if fleet.is_local(options):
        return _here(context, options, fleet.names_of(words))
    target, names, named = fleet.target_of(words, "show")
    fun, args = _function(options, names)
    kwargs = named | _allowed(fun, fleet.selection(options))
    body = fleet.whom(options, target) | {"fun": fun, "args": args, "kwargs": kwargs}
    return Follower(context.client, fleet.view_of(context, options)).start("/v1/jobs", body)


def _function(options: argparse.Namespace, names: list[str]) -> tuple[str, list[Any]]:
    if options.what == "top":
        if names:
            raise UsageError("--top shows which SLS there are, so none is named with it")
        return "state.show_top", []
    if names:
        return ("state.show_low_sls" if options.what == "low" else "state.show_sls"), [names]
    return ("state.show_lowstate" if options.what == "low" else "state.show_highstate"), []


def _allowed(fun: str, selection: dict[str, Any]) -> dict[str, Any]:
    """Return the selection. Raises UsageError for what the function does not know."""
    known = {
        "state.show_top": (),
        "state.show_highstate": ("pillar",),
        "state.show_lowstate": ("pillar",),
        "state.show_sls": ("pillar", "saltenv"),
        "state.show_low_sls": ("pillar", "saltenv", "exclude"),
    }[fun]
    wrong = next((name for name in selection if name not in known), None)
    if wrong is not None:
        raise UsageError(f"--{wrong} makes no difference to what is shown here", hint="leave it away")
    return selection


def _here(context: Context, options: argparse.Namespace, names: list[str]) -> int:
    import msgspec

    from saltern.engine.call import bound
    from saltern.engine.encode import encode

    fun, args = _function(options, names)
    found = bound(local.host(context, options), fun, args, _allowed(fun, fleet.selection(options)))
    data = msgspec.json.decode(encode(found))
    context.emit(data) if context.json else context.say(lines(data))
    return ExitCode.OK
