"""``saltern version``: which one this is."""

from __future__ import annotations

import argparse

from saltern import __version__
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options: none."""
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Print the version."""
    context.emit({"version": __version__}) if context.json else context.say([f"saltern {__version__}"])
    return ExitCode.OK
