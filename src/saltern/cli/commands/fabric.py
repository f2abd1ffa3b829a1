"""``saltern fabric``: what a broker of your own, and who joins by hand, must know."""

from __future__ import annotations

import argparse
from pathlib import Path

from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.parser import Verbs

EXAMPLES = """
  saltern fabric fingerprint
  saltern fabric config ./nats --at /etc/nats --listen 0.0.0.0:4222
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    export = verbs.add("config", "Write the files that let a NATS server of your own trust us", config)
    export.add_argument("directory", metavar="DIRECTORY", help="where to write them")
    export.add_argument("--at", metavar="DIRECTORY", help="where they will lie on the NATS server's host")
    export.add_argument("--listen", default="0.0.0.0:4222", metavar="HOST:PORT", help="where it listens")
    export.add_argument("--name", default="saltern", help="the server's name; unique in a cluster")
    verbs.add("fingerprint", "Show our fingerprint, for agents that join without a token", fingerprint)


def config(context: Context, options: argparse.Namespace) -> int:
    """Write the configuration and what it refers to; print the files."""
    from saltern.controller.running import export_fabric

    at = None if options.at is None else Path(options.at)
    directory = Path(options.directory)
    files = export_fabric(context.layout, directory, at=at, listen=options.listen, name=options.name)
    for file in files:
        context.emit({"file": str(file)}) if context.json else context.say([str(file)])
    return ExitCode.OK


def fingerprint(context: Context, options: argparse.Namespace) -> int:
    """Print the fingerprint of the certificate authority."""
    from saltern.controller.running import fabric_fingerprint

    shown = fabric_fingerprint(context.layout)
    context.emit({"fingerprint": shown}) if context.json else context.say([shown])
    return ExitCode.OK
