"""Command lines: argparse, with errors like all other errors and options that every command has."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from saltern.foundation.errors import UsageError, nearest

if TYPE_CHECKING:
    from saltern.cli.context import Context

    Handler = Callable[[Context, argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of leaving the process."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError that points to the help, or to the option that may be meant."""
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            word = unknown.split()[0]
            self._unknown("option" if word.startswith("-") else "argument", word, self._option_string_actions)
        raise UsageError(message, hint=f"`{self.prog} --help` shows how")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            if isinstance(action, argparse._SubParsersAction):
                self._unknown("command", str(value), known)
            name = "/".join(action.option_strings) or str(action.metavar or action.dest)
            hint = nearest(str(value), known) or f"known: {', '.join(known)}"
            raise UsageError(f"{name} cannot be {value!r}", hint=hint)

    def _unknown(self, what: str, word: str, known: Iterable[str]) -> NoReturn:
        hint = nearest(word, known) or f"`{self.prog} --help` shows how"
        raise UsageError(f"{self.prog} has no {what} {word!r}", hint=hint)


def new_parser(prog: str, summary: str, examples: str = "", **settings: Any) -> Parser:
    """Return a parser with the options that every command has."""
    epilog = f"examples:\n{examples.strip(chr(10))}" if examples else None
    parser = Parser(prog=prog, description=summary, epilog=epilog, **settings)
    add_common(parser)
    return parser


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has."""
    parser.add_argument(
        "--root", metavar="DIR", default=argparse.SUPPRESS, help="where the installation is (SALTERN_ROOT)"
    )
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="JSON, one object a line"
    )
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default=argparse.SUPPRESS,
        help="colours: on a terminal (auto), or as you say",
    )
    parser.add_argument(
        "--no-pager",
        action="store_true",
        default=argparse.SUPPRESS,
        help="never show output a page at a time",
    )


class Verbs:
    """The commands below a command: ``saltern job list``."""

    def __init__(self, parser: argparse.ArgumentParser, *, required: bool = True) -> None:
        self._prog = parser.prog
        self._parsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=required)

    def add(self, name: str, summary: str, handler: Handler, examples: str = "") -> argparse.ArgumentParser:
        """Add a command and return its parser."""
        epilog = f"examples:\n{examples.strip(chr(10))}" if examples else None
        parser = self._parsers.add_parser(name, help=summary, description=summary, epilog=epilog)
        add_common(parser)
        parser.set_defaults(handler=handler)
        return parser
