"""``saltern undo``: bring back what a run of states has changed on this machine."""

from __future__ import annotations

import argparse

from saltern.cli import local
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line

EXAMPLES = """
  saltern undo
  saltern undo 20261122T145921-4e5e39
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="the run, or how its name begins")
    local.add_options(parser)
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Undo the run; say what was brought back and what can't be."""
    from saltern.engine.undo import find, undo

    machine = local.host(context, options)
    directory = local.record(context)
    done = undo(machine, directory, find(directory, options.run))
    if context.json:
        context.emit(done)
    else:
        context.say([f"run {done.run}"])
        context.say(f"  brought back: {one_line(path)}" for path in done.restored)
        context.say(f"  not undone: {one_line(what)}" for what in done.left)
    return ExitCode.OK
