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

    from saltern.cli.context import Context
    from saltern.foundation.errors import SalternError

_NEEDS_VALUE = ("--root", "--color")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: this process's) and return the exit code."""
    _stand_in_for_closed_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["version"]):
        print(f"saltern {__version__}")
        return 0
    before, rest = _split(words)
    if "-h" in before or "--help" in before or not words:
        print(overview())
        return 0
    return _guarded(before, rest)


def _stand_in_for_closed_streams() -> None:
    """Give what is written somewhere to go, when stdout or stderr was closed before we began."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  as long as the process


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
        _turn_away_from_stdout()
        return 141
    except OSError as error:
        return _explain(_of_system(error), "--json" in before + rest)


def _run(before: list[str], rest: list[str]) -> int:
    _check_text(before + rest)
    name, *words = rest or [""]
    if name not in COMMANDS:
        raise _no_command(before, name)
    parser = parser_of(name)
    options = _parse(parser, before + words)
    from saltern.cli.context import Context
    from saltern.foundation.layout import Layout

    context = Context(
        Layout.choose(getattr(options, "root", None)),
        json=getattr(options, "json", False),
        colour=getattr(options, "color", "auto"),
    )
    code = _handled(context, options)
    sys.stdout.flush()
    return code


def _handled(context: Context, options: argparse.Namespace) -> int:
    """Run the command; what some show is long, and is shown a page at a time on a terminal."""
    try:
        if not getattr(options, "paged", False):
            return int(options.handler(context, options))
        from saltern.cli.outputting import paged

        with paged(context, wanted=not getattr(options, "no_pager", False)):
            return int(options.handler(context, options))
    finally:
        if context.out is not sys.stdout:
            context.out.close()


def _check_text(words: list[str]) -> None:
    """Raise a UsageError for bytes that are no text: nothing that goes over the wire could hold them."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            from saltern.foundation.errors import UsageError

            hint = "put bytes in a file and give its path"
            raise UsageError(f"{word!a} is not text in UTF-8", hint=hint) from None


def _no_command(before: list[str], name: str) -> SalternError:
    from saltern.foundation.errors import UsageError, nearest

    if not name:
        wrong = next((word for word in before if word not in ("--json", *_NEEDS_VALUE)), "")
        what = f"there is no option {wrong!r}" if wrong.startswith("-") else "there is no command"
        return UsageError(what, hint="`saltern --help` lists all commands")
    hint = nearest(name, COMMANDS) or "`saltern --help` lists all commands"
    if any(character in name for character in "*?@:,"):
        hint = f"to run a function on machines: saltern run {name!r} FUNCTION"
    return UsageError(f"there is no command {name!r}", hint=hint)


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
        if error.hint and error.hint not in str(error):
            print(f"hint: {printable(error.hint)}", file=sys.stderr)
    return of_error(code)


def _of_system(error: OSError) -> SalternError:
    """Return what the system refused, worded as all errors are."""
    from saltern.foundation.errors import SalternError

    if error.filename is None:
        _turn_away_from_stdout()  # that may be where it could not write
    return SalternError(error.strerror or str(error), where=str(error.filename or ""))


def _turn_away_from_stdout() -> None:
    """Let what is still to be written there go nowhere: nobody reads it, or it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
