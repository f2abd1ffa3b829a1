"""``saltern drift``: which machines are as their states declare them, since when not, and what differs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from saltern.cli.commands import fleet
from saltern.cli.commands.run import add_kinds
from saltern.cli.context import Context
from saltern.cli.durations import ago
from saltern.cli.exit_codes import ExitCode
from saltern.cli.follow import Follower
from saltern.cli.output.plans import names, told
from saltern.cli.output.printable import one_line
from saltern.cli.output.style import Style
from saltern.cli.states import StatesView
from saltern.cli.views import View
from saltern.foundation.errors import UsageError
from saltern.model.drift import Drift, DriftState
from saltern.model.update import Settled

USAGE = """saltern drift [OPTIONS] TARGET
       saltern drift show [GLOB]"""
EXAMPLES = """
  saltern drift 'web*'                   (looks now)
  saltern drift show                     (what is known already)
  saltern drift show 'web*' --json
"""
_COLOUR = {DriftState.CLEAN: "green", DriftState.DRIFTED: "yellow", DriftState.ERROR: "red"}


class LookView(StatesView):
    """Shows how far looks are; what they have found is asked for when all have ended."""

    def settled(self, settled: Settled) -> None:
        """Let it be: it is shown with the others."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("words", nargs="*", metavar="WORD", help=argparse.SUPPRESS)
    add_kinds(parser)
    parser.add_argument("--no-progress", action="store_true", help="no table while it goes on")
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Look at machines now, or show what is known of them."""
    words = [*options.words, *options.literal]
    if words and words[0] == "show" and options.kind == "glob":
        if len(words) > 2:
            raise UsageError("saltern drift show takes one GLOB", hint="saltern drift show 'web*'")
        return _show(
            context, context.client.get("/v1/drift", list[Drift], match=words[1] if words[1:] else None)
        )
    target, more, named = fleet.target_of(words, "drift")
    if more or named:
        raise UsageError(
            "saltern drift looks at all that the top file gives", hint="for some SLS: saltern plan"
        )
    return _look(context, options, target)


def _look(context: Context, options: argparse.Namespace, target: str) -> int:
    view: View = LookView(context, "changes", progress=not options.no_progress, of_states=True)
    follower = Follower(context.client, View(context) if context.json else view)
    code = follower.start("/v1/jobs", fleet.whom(options, target) | {"fun": "state.drift"})
    looked = set(follower.targets())
    shown = [one for one in context.client.get("/v1/drift", list[Drift]) if one.key in looked]
    return max(_show(context, shown), ExitCode.OK if code is ExitCode.FAILED else code)


def _show(context: Context, drifts: list[Drift]) -> int:
    if context.json:
        for one in drifts:
            context.emit(one)
    else:
        context.say(shown(drifts, context.now(), context.style))
    if any(one.state is not DriftState.CLEAN for one in drifts):
        return ExitCode.FAILED
    return ExitCode.UNREACHED if any(one.missed for one in drifts) else ExitCode.OK


def shown(drifts: list[Drift], now: float, style: Style) -> Iterator[str]:
    """Yield what is known, folded: who is clean, then who drifted in the same way."""
    groups: dict[object, list[Drift]] = {}
    for one in drifts:
        groups.setdefault((one.state, tuple(told(one.differs)), one.error), []).append(one)
    for same in sorted(groups.values(), key=lambda same: (same[0].state is not DriftState.CLEAN, len(same))):
        first = same[0]
        count = f" ({len(same)})" if len(same) > 1 else ""
        who = f"{names([one.name for one in same])}{count}: {first.state}"
        yield f"{style.paint(who, _COLOUR[first.state])}, {_times(same, now)}"
        if first.error:
            yield from (f"  {one_line(line)}" for line in first.error.splitlines())
        yield from told(first.differs)
    for one in drifts:
        if one.missed:
            yield f"{one_line(one.name)}: the latest look did not come about: {one_line(one.missed)}"


def _times(same: list[Drift], now: float) -> str:
    since = ago(min(one.since for one in same), now)
    return f"since {since}, looked at {ago(min(one.checked for one in same), now)}"
