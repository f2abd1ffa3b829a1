"""``saltern events``: what happens, live."""

from __future__ import annotations

import argparse
import time

import msgspec

from saltern.api.replies import Broken
from saltern.cli.client import ApiError
from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.cli.output.printable import one_line
from saltern.model.system import Happening

EXAMPLES = """
  saltern events
  saltern events 'agent/*' --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("pattern", nargs="?", default="*", metavar="GLOB", help="which tags (default: all)")
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Print events until Ctrl-C."""
    decoder = msgspec.json.Decoder(Happening | Broken)
    for line in context.client.lines("GET", "/v1/events", query={"pattern": options.pattern}):
        event = decoder.decode(line)
        if isinstance(event, Broken):
            raise ApiError(event.error)
        context.emit(event) if context.json else context.say([_line(event, context)])
        context.out.flush()
    return ExitCode.OK


def _line(event: Happening, context: Context) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    about = one_line(event.name or event.key or "controller")
    data = one_line(msgspec.json.encode(event.data).decode()) if event.data else ""
    tag = context.style.paint(one_line(event.tag), "bold")
    return f"{clock}  {about}  {tag}  {data}".rstrip()
