"""The ``saltern`` command: find the command, import it alone, run it, and say plainly what went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from saltern import __version__
from saltern.cli.catalogue import COMMANDS, overview, parser_of

if TYPE_CHECKING:
    import argparse

    from saltern.foundation.errors import SalternError

_NEEDS_VALUE = ("--root",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: this process's) and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["version"]):
        print(f"saltern {__version__}")
        return 0
    before, rest = _split(words)
    if not rest or "-h" in before or "--help" in before:
        print(overview())
        return 0
    return _guarded(before, rest)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the options before the command, and the command with what follows."""
    position = 0
    while position < len(words) and words[position].startswith("-"):
        position += 2 if words[position] in _NEEDS_VALUE else 1
    return words[:position], words[position:]


def _guarded(before: list[str], rest: list[str]) -> int:
    from saltern.foundation.errors import SalternError

    try:
        return _run(before, rest)
    except SalternError as error:
        return _explain(error, "--json" in before + rest)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        return _pipe_closed()


def _run(before: list[str], rest: list[str]) -> int:
    name, *words = rest
    if name not in COMMANDS:
        from saltern.foundation.errors import UsageError, nearest

        hint = nearest(name, COMMANDS) or "`saltern --help` lists all commands"
        raise UsageError(f"there is no command {name!r}", hint=hint)
    parser = parser_of(name)
    options = _parse(parser, before + words)
    from saltern.cli.context import Context
    from saltern.foundation.layout import Layout

    context = Context(Layout.choose(getattr(options, "root", None)), json=getattr(options, "json", False))
    code = int(options.handler(context, options))
    sys.stdout.flush()
    return code


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Parse; what follows ``--`` is kept as it is, in ``literal``."""
    literal: list[str] = []
    if "--" in words:
        position = words.index("--")
        words, literal = words[:position], words[position + 1 :]
    options = parser.parse_args(words) if parser._subparsers else parser.parse_intermixed_args(words)
    options.literal = literal
    return options


def _explain(error: SalternError, as_json: bool) -> int:
    from saltern.cli.exit_codes import of_error
    from saltern.cli.output.printable import printable
    from saltern.cli.output.style import Style

    code = getattr(error, "kind", error.code)
    if as_json:
        import json

        fields = {"code": code, "message": error.message, "hint": error.hint, "where": error.where}
        print(json.dumps({"error": fields}), file=sys.stderr)
    else:
        print(Style.for_stream(sys.stderr).paint("error:", "red"), printable(str(error)), file=sys.stderr)
        if error.hint:
            print(f"hint: {printable(error.hint)}", file=sys.stderr)
    return of_error(code)


def _pipe_closed() -> int:
    """Whoever read our output has seen enough: leave quietly, as programs in pipes do."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
