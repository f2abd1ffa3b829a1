"""``saltern fabric``: what a broker of your own, and who joins by hand, must know."""

from __future__ import annotations

import argparse

from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.parser import Verbs

EXAMPLES = """
  saltern fabric fingerprint
  saltern fabric config > nats.conf
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    verbs.add("config", "Print what a NATS server of your own needs to trust this controller", config)
    verbs.add(
        "fingerprint", "Show the controller's fingerprint, for agents that join without a token", finger
    )


def config(context: Context, options: argparse.Namespace) -> int:
    """Print the configuration."""
    from saltern.controller.main import fabric_config

    context.say(fabric_config(context.layout).splitlines())
    return ExitCode.OK


def finger(context: Context, options: argparse.Namespace) -> int:
    """Print the fingerprint of the certificate authority."""
    from saltern.controller.main import fabric_fingerprint

    shown = fabric_fingerprint(context.layout)
    context.emit({"fingerprint": shown}) if context.json else context.say([shown])
    return ExitCode.OK
