"""``saltern apply``: do what a saved plan says, or nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from saltern.cli import local
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.highstate import highstate

USAGE = "saltern apply [OPTIONS] PLAN"
EXAMPLES = """
  saltern plan -o web.plan web && saltern apply web.plan
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("plan", metavar="PLAN", help="a file that `saltern plan -o` has saved")
    parser.add_argument("--queue", action="store_true", help="wait while another run changes this machine")
    local.add_options(parser)
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Apply the plan and show what was done."""
    from saltern.engine import plan as plans
    from saltern.engine.site import site_of

    saved = plans.load(Path(options.plan))
    machine = local.host(context, options)
    results = plans.apply_plan(site_of(machine), saved, queue=options.queue)
    if context.json:
        context.emit(results)
    else:
        context.say(highstate(results, saved.machine, context.style, options.state_output))
    return ExitCode.FAILED if any(one["result"] is False for one in results.values()) else ExitCode.OK
