"""``saltern returner``: where returns are delivered beside the controller's own store."""

from __future__ import annotations

import argparse

from saltern.cli.client import quoted
from saltern.cli.context import Context
from saltern.cli.durations import ago, moment, span
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.cli.output.table import table
from saltern.cli.output.words import counted
from saltern.cli.parser import Verbs
from saltern.foundation.errors import NotFound, nearest
from saltern.model.returner import Retried, ReturnerStatus, Tried, Undelivered

EXAMPLES = """
  saltern returner list
  saltern returner test archive
  saltern returner status archive
  saltern returner retry archive
  saltern run '*' test.ping --return archive
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    verbs.add("list", "List the returners and how they are", show_list)
    _with_name(verbs.add("status", "Show how one is, and what it refused", status))
    _with_name(verbs.add("retry", "Deliver again what one refused", retry))
    _with_name(verbs.add("test", "Deliver a test, now", test))


def _with_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a returner's name in controller.yaml")


def _all(context: Context) -> list[ReturnerStatus]:
    return context.client.get("/v1/returners", list[ReturnerStatus])


def show_list(context: Context, options: argparse.Namespace) -> int:
    """List returners."""
    found = _all(context)
    if context.json:
        for one in found:
            context.emit(one)
    elif found:
        heads = ("NAME", "KIND", "TO", "WAITING", "REFUSED", "DELIVERED", "DROPPED", "STATE")
        context.say(table(heads, [_row(one, context.now()) for one in found], context.style))
    else:
        context.note("no returners\nhint: name some in controller.yaml, below `returners`")
    return ExitCode.OK


def _row(one: ReturnerStatus, now: float) -> tuple[str, ...]:
    numbers = (one.waiting, one.refused, one.delivered, one.dropped)
    return (
        one.name,
        one.kind or "-",
        one.address or "-",
        *(f"{number:,}" for number in numbers),
        _state(one, now),
    )


def _state(one: ReturnerStatus, now: float) -> str:
    if not one.kind:
        return "not in the settings"
    if one.error:
        return f"failed {ago(one.error_at, now)}: {one.error[:80]}"
    return f"delivered {ago(one.last_delivery, now)}" if one.last_delivery else "nothing yet"


def status(context: Context, options: argparse.Namespace) -> int:
    """Show one returner; exit code 1 while it fails or holds refused returns."""
    everyone = {one.name: one for one in _all(context)}
    if options.name not in everyone:
        hint = nearest(options.name, everyone) or "`saltern returner list` lists them"
        raise NotFound(f"there is no returner {options.name!r}", hint=hint)
    one = everyone[options.name]
    refused = context.client.get(f"/v1/returners/{quoted(options.name)}/refused", list[Undelivered])
    if context.json:
        context.emit({"returner": one, "refused": refused})
    else:
        _show(context, one, refused)
    return ExitCode.FAILED if one.error or one.refused else ExitCode.OK


def _show(context: Context, one: ReturnerStatus, refused: list[Undelivered]) -> None:
    now = context.now()
    who = f"of {', '.join(one.functions)}" if one.always else "only of jobs that ask for it"
    lines = [
        f"{one.name}: {one.kind or 'not in the settings'} {one.address}",
        f"  gets returns {who}",
        f"  {one.delivered:,} delivered, the last {ago(one.last_delivery, now)}; {one.dropped:,} dropped",
        f"  {one.waiting:,} waiting" + (f", the oldest since {ago(one.oldest, now)}" if one.oldest else ""),
    ]
    if one.error:
        lines.append(f"  failed {ago(one.error_at, now)}: {one.error}")
    context.say(map(one_line, lines))
    if refused:
        heads = ("JOB", "AGENT", "FUNCTION", "SINCE", "WHY")
        rows = [(each.jid, each.name, each.fun, moment(each.since), each.reason) for each in refused]
        context.say(["", f"{counted(one.refused, 'return')} refused:", *table(heads, rows, context.style)])


def retry(context: Context, options: argparse.Namespace) -> int:
    """Deliver again what was refused."""
    done = context.client.ask("POST", f"/v1/returners/{quoted(options.name)}/retry", Retried)
    if context.json:
        context.emit(done)
    else:
        context.say([f"{counted(done.count, 'return')} to be delivered again to {one_line(done.name)}"])
    return ExitCode.OK


def test(context: Context, options: argparse.Namespace) -> int:
    """Deliver a test; exit code 1 when it does not arrive."""
    tried = context.client.ask("POST", f"/v1/returners/{quoted(options.name)}/test", Tried)
    if context.json:
        context.emit(tried)
    elif tried.error:
        context.note(f"{context.err_style.paint('error:', 'red')} {one_line(tried.error)}")
        context.note(f"hint: {one_line(tried.hint)}") if tried.hint else None
    else:
        context.say([f"{one_line(tried.name)} took a test in {span(tried.seconds)}"])
    return ExitCode.FAILED if tried.error else ExitCode.OK
