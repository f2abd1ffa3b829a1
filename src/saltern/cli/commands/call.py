"""``saltern call``: one function, on this machine, now."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from saltern.cli import local, outputting
from saltern.cli.arguments import parse
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.highstate import highstate, is_highstate
from saltern.cli.output.outputters import outputter, rendered
from saltern.cli.output.printable import one_line, printable
from saltern.cli.output.value import lines
from saltern.foundation.errors import UsageError

if TYPE_CHECKING:
    from saltern.engine.outcome import Outcome

USAGE = "saltern call [OPTIONS] FUNCTION [ARGUMENT …] [NAME=VALUE …]"
EXAMPLES = """
  saltern call test.ping
  saltern call grains.items --json
  saltern call cmd.run 'uname -r'
  saltern call network.interfaces --out yaml
  saltern call --file-root ./states state.apply web test=True
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("words", nargs="*", metavar="WORD", help=argparse.SUPPRESS)
    local.add_options(parser)
    group = parser.add_argument_group("how the result is shown")
    outputting.add_format(group, "text (the default), json, nested, yaml, table, csv, txt, raw …")
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Run the function and print what it returned."""
    words = [*options.words, *options.literal]
    if not words:
        raise UsageError("saltern call needs a FUNCTION", hint="for example: saltern call test.ping")
    if options.out != "text":
        outputter(options.out)  # what is misspelt is told before anything is done
    outputting.redirect(context, options)
    from saltern.engine.call import call

    positional, named = parse(words[1:])
    machine = local.host(context, options)
    outcome = call(machine, words[0], positional, named, registry=local.registry(context, options, machine))
    if context.json:
        context.emit(_plain(words[0], outcome))
    else:
        _show(context, outcome, options)
    return ExitCode.OK if outcome.ok else ExitCode.FAILED


def _plain(fun: str, outcome: Outcome) -> dict[str, object]:
    import msgspec

    status = "ok" if outcome.ok else "failed"
    plain: dict[str, object] = {"fun": fun, "status": status, "retcode": outcome.retcode}
    return plain | ({"error": outcome.error} if outcome.error else {}) | {"data": msgspec.Raw(outcome.data)}


def _show(context: Context, outcome: Outcome, options: argparse.Namespace) -> None:
    import msgspec

    error = outcome.error
    if error is None:
        data, name = msgspec.json.decode(outcome.data), options.id or "local"
        if options.out != "text":
            chosen = outputting.chosen_format(options, context.style)
            context.out.write(rendered(options.out, {name: data}, chosen, terminal=context.on_terminal))
        elif is_highstate(data):
            context.say(highstate(data, name, context.style, options.state_output))
        else:
            context.say(lines(data))
    else:
        context.note(f"{context.err_style.paint('error:', 'red')} {printable(error.message)}")
        context.note(f"hint: {one_line(error.hint)}") if error.hint else None
        context.note(context.err_style.paint(printable(error.detail), "dim")) if error.detail else None
    if not outcome.ok and error is None:
        context.note(f"failed (exit code {outcome.retcode})")
