"""``saltern fabric``: what a broker of your own, and who joins by hand, must know."""

from __future__ import annotations

import argparse
from pathlib import Path

from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.parser import Verbs

EXAMPLES = """
  saltern fabric fingerprint
  saltern fabric export ./for-nats1 --at /etc/nats --name nats1
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    verbs = Verbs(parser)
    export = verbs.add("export", "Write what a NATS server of your own needs to be the broker", run_export)
    export.add_argument("directory", metavar="DIRECTORY", help="where to write it; it holds a private key")
    export.add_argument("--at", metavar="PATH", help="where the files will lie on the server's machine")
    export.add_argument("--listen", default="0.0.0.0:4222", metavar="ADDRESS:PORT", help="(%(default)s)")
    export.add_argument(
        "--name", default="nats1", help="the server's name, its own in a cluster (%(default)s)"
    )
    verbs.add(
        "fingerprint", "Show the controller's fingerprint, for agents that join without a token", finger
    )


def run_export(context: Context, options: argparse.Namespace) -> int:
    """Write the files and name them."""
    from saltern.controller.running import export_fabric

    at = Path(options.at) if options.at else None
    files = export_fabric(
        context.layout, Path(options.directory), at=at, listen=options.listen, name=options.name
    )
    names = [str(file) for file in files]
    context.emit({"files": names}) if context.json else context.say(names)
    return ExitCode.OK


def finger(context: Context, options: argparse.Namespace) -> int:
    """Print the fingerprint of the certificate authority."""
    from saltern.controller.running import fabric_fingerprint

    shown = fabric_fingerprint(context.layout)
    context.emit({"fingerprint": shown}) if context.json else context.say([shown])
    return ExitCode.OK
