"""``saltern pillar``: what agents are told in confidence, as the controller renders it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import msgspec

from saltern.api.replies import Broken
from saltern.cli.client import quoted
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.cli.output.value import lines
from saltern.cli.output.words import counted
from saltern.cli.parser import Verbs
from saltern.foundation.errors import Unavailable
from saltern.model.pillar import PillarCheck, PillarTop, ShownPillar

EXAMPLES = """
  saltern pillar show web1
  saltern pillar show web1 --unmask               (secrets too; it is put on record)
  saltern pillar show-top web1                    (which SLS, and which grains were not believed)
  saltern pillar check                            (renders everybody's, tells every error)
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    showing = verbs.add("show", "Show an agent's pillar", show)
    showing.add_argument("--unmask", action="store_true", help="show secrets too")
    top = verbs.add("show-top", "Show which SLS make an agent's pillar", show_top)
    for verb in (showing, top):
        verb.add_argument("agent", metavar="AGENT", help="its name")
        verb.add_argument("--pillarenv", default="", metavar="NAME", help="of one pillar environment only")
    checking = verbs.add("check", "Render pillars and tell what is wrong with any", check)
    checking.add_argument("target", nargs="?", default="*", metavar="TARGET", help="whose (default: all)")
    checking.add_argument("--kind", default="glob", metavar="KIND", help="how to read TARGET (default: glob)")


def show(context: Context, options: argparse.Namespace) -> int:
    """Show a pillar."""
    query = {"pillarenv": options.pillarenv, "unmask": options.unmask}
    found = context.client.get(f"/v1/pillar/{quoted(options.agent)}", ShownPillar, **query)
    if context.json:
        context.emit(found.pillar)
    else:
        context.say(lines(msgspec.json.decode(found.pillar)))
    return ExitCode.OK


def show_top(context: Context, options: argparse.Namespace) -> int:
    """Show which SLS a pillar is made of, and why perhaps not of others."""
    path = f"/v1/pillar/{quoted(options.agent)}/top"
    found = context.client.get(path, PillarTop, pillarenv=options.pillarenv)
    if context.json:
        context.emit(found)
        return ExitCode.OK
    context.say(lines(found.top))
    _tell_untrusted(context, found.untrusted)
    return ExitCode.OK


def check(context: Context, options: argparse.Namespace) -> int:
    """Render pillars; equal errors are told once."""
    query = {"target": options.target, "kind": options.kind}
    answers = context.client.lines("GET", "/v1/pillar", query=query)
    checks = [_checked(line) for line in answers]
    if context.json:
        for one in checks:
            context.emit(one)
    else:
        _tell(context, checks)
    return ExitCode.OK if all(one.ok for one in checks) else ExitCode.FAILED


def _checked(line: bytes) -> PillarCheck:
    found: PillarCheck | Broken = msgspec.json.decode(line, type=PillarCheck | Broken)
    if isinstance(found, Broken):
        raise Unavailable(found.error.message, hint=found.error.hint)
    return found


def _tell(context: Context, checks: Iterable[PillarCheck]) -> None:
    from saltern.targeting import fold

    failed: dict[tuple[str, str], list[str]] = {}
    for one in checks:
        if not one.ok:
            failed.setdefault((one.message, one.hint), []).append(one.name)
    for (message, hint), names in failed.items():
        context.say([context.style.paint(one_line(fold(names)), "red"), *_indented(message)])
        if hint:
            context.say([f"  hint: {one_line(hint)}"])
    well = sum(one.ok for one in checks)
    context.note(f"{counted(well, 'pillar')} of {well + sum(map(len, failed.values()))} as it should be")
    _tell_untrusted(context, sorted({name for one in checks for name in one.untrusted}))


def _indented(text: str) -> list[str]:
    return [f"  {one_line(line)}" for line in text.splitlines()]


def _tell_untrusted(context: Context, names: Iterable[str]) -> None:
    if names:
        shown = one_line(", ".join(names))
        context.note(f"asked for, and not believed, since only the agent tells them: {shown}")
        context.note("hint: pin them with `saltern token create --grain`, or see pillar.trusted_grains")
