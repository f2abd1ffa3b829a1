"""``saltern controller``: run it, or ask how it is."""

from __future__ import annotations

import argparse

from saltern.cli.context import Context
from saltern.cli.durations import span
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.cli.output.words import counted
from saltern.cli.parser import Verbs
from saltern.foundation.errors import SettingsError
from saltern.model.system import ControllerStatus

EXAMPLES = """
  saltern controller                    (runs it here, until Ctrl-C)
  saltern controller status --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    parser.set_defaults(handler=run)
    verbs = Verbs(parser, required=False)
    verbs.add("run", "Run the controller in this process (what is done without a command)", run)
    verbs.add("status", "Tell how the controller is", status)


def run(context: Context, options: argparse.Namespace) -> int:
    """Run the controller until it is told to stop."""
    try:
        from saltern.api.main import run as run_controller
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "saltern":
            raise
        raise SettingsError(
            f"the controller needs {error.name}, which is not installed here",
            hint="pip install 'saltern[controller]'",
        ) from error
    return run_controller(context.layout)


def status(context: Context, options: argparse.Namespace) -> int:
    """Show the controller's health; fails when there are problems."""
    found = context.client.get("/v1/status", ControllerStatus)
    if context.json:
        context.emit(found)
    else:
        context.say(_lines(found, context))
    return ExitCode.FAILED if found.problems else ExitCode.OK


def _lines(found: ControllerStatus, context: Context) -> list[str]:
    rows = {
        "version": found.version,
        "up": f"{span(max(0.0, context.now() - found.started))}, process {found.pid}",
        "fabric": found.fabric,
        "database": found.database,
        "agents": f"{found.agents}: {found.online} online, {found.agents - found.online} offline",
        "pending": f"{counted(found.pending, 'key')} to be accepted",
        "jobs": f"{found.jobs} not settled",
    }
    lines = [f"{name:<10}{one_line(value)}" for name, value in rows.items()]
    return lines + [context.style.paint(f"problem   {one_line(text)}", "red") for text in found.problems]
