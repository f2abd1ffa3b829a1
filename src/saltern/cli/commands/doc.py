"""``saltern doc``: what functions there are, and what one does."""

from __future__ import annotations

import argparse

from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode
from saltern.foundation.errors import NotFound, nearest

EXAMPLES = """
  saltern doc                (all functions)
  saltern doc cmd            (all of one noun)
  saltern doc cmd.run
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", metavar="FUNCTION", help="a function, or a noun")
    parser.set_defaults(handler=run, paged=True)


def run(context: Context, options: argparse.Namespace) -> int:
    """Print documentation. Raises NotFound."""
    from saltern.sdk.registry import LIBRARY

    name = options.name
    if name is not None and "." in name:
        function = LIBRARY.function(name)
        if context.json:
            context.emit({"name": name, "signature": function.signature, "doc": function.doc})
        else:
            context.say([context.style.paint(function.signature, "bold"), "", *function.doc.splitlines()])
        return ExitCode.OK
    if name is not None and not LIBRARY.noun(name):
        raise NotFound(
            f"no functions {name!r}", hint=nearest(name, LIBRARY.nouns()) or "`saltern doc` lists all"
        )
    names = LIBRARY.names() if name is None else sorted(f"{name}.{own}" for own in LIBRARY.noun(name))
    for full in names:
        first = LIBRARY.function(full).doc.partition("\n")[0]
        context.emit({"name": full, "summary": first}) if context.json else context.say(
            [f"{full:<28}{first}"]
        )
    return ExitCode.OK
