"""``saltern plan``: what would change on this machine, seen before, and saved to be done exactly so."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from saltern.cli import local
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.highstate import highstate

if TYPE_CHECKING:
    from saltern.engine.plan import Plan

USAGE = "saltern plan [OPTIONS] [SLS …] [-o FILE]"
EXAMPLES = """
  saltern plan --file-root ./states web
  saltern plan -o web.plan web && saltern apply web.plan
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sls", nargs="*", metavar="SLS", help="what to look at; the highstate without any")
    parser.add_argument("-o", "--output", metavar="FILE", help="save the plan, for `saltern apply FILE`")
    local.add_options(parser)
    parser.set_defaults(handler=run, state_output="changes")


def run(context: Context, options: argparse.Namespace) -> int:
    """Make the plan, show it, and save it where that is asked for."""
    from saltern.engine import plan as plans
    from saltern.engine.site import site_of

    machine = local.host(context, options)
    made = plans.plan(site_of(machine), options.sls)
    if context.json:
        context.emit(made)
    else:
        _show(context, made, options)
    if options.output:
        plans.save(made, Path(options.output))
        context.note(f"saved; `saltern apply {options.output}` does exactly this")
    return ExitCode.FAILED if any(one.result is False for one in made.planned) else ExitCode.OK


def _show(context: Context, made: Plan, options: argparse.Namespace) -> None:
    results = {
        one.key: {
            "result": one.result,
            "comment": one.comment,
            "changes": one.changes,
            "unknown": one.unknown,
            "name": one.key.split("_|-", 3)[2],
            "__id__": one.key.split("_|-", 3)[1],
            "__run_num__": number,
        }
        for number, one in enumerate(made.planned)
    }
    context.say(highstate(results, made.machine, context.style, options.state_output))
