"""Writes docs/reference/cli.md and exit-codes.md from the parsers: ``python -m tools.cli_reference``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from saltern.cli.catalogue import COMMANDS, GROUPS, parser_of
from saltern.cli.exit_codes import MEANING

FOLDER = Path(__file__).parent.parent / "docs/reference"
CLI = FOLDER / "cli.md"
EXIT_CODES = FOLDER / "exit-codes.md"
HEAD = """# Command line

    saltern [--root DIR] [--json] COMMAND …

`--root` (or `SALTERN_ROOT`) says where the installation is; `--json` writes one JSON object a line. Both may
stand before or after the command. Data goes to stdout, all else to stderr. Colours and the progress line are
for terminals; `NO_COLOR` turns colours off. Exit codes: [exit-codes](exit-codes.md). This page is made from
the program by `tools/cli_reference.py`.

What agents send is shown with control characters as escapes (`\\x1b`): it cannot steer your terminal.
Results that are equal are shown once, under the set of agents that gave them: `web[1-40] (40): True`; such a
set is itself a target. Times are written `30s`, `5m`, `1h30m`, `7d`.
"""
CODES_HEAD = """# Exit codes

When a job ends in several ways at once, the most serious one counts: failed (1), then refused (5), then
stopped (7), then unreached (4). This page is made from the program by `tools/cli_reference.py`.

| code | meaning |
|---|---|
"""
_COMMON = {"help", "root", "json"}


def render() -> str:
    """Return the page about all commands."""
    lines = [HEAD]
    for title, names in GROUPS.items():
        lines.append(f"## {title}\n")
        for name in names:
            lines += _command(parser_of(name), COMMANDS[name].summary, "###")
    return "\n".join(lines).rstrip() + "\n"


def render_exit_codes() -> str:
    """Return the page about exit codes."""
    return CODES_HEAD + "".join(f"| {code.value} | {meaning} |\n" for code, meaning in MEANING.items())


def _command(parser: argparse.ArgumentParser, summary: str, level: str) -> Iterator[str]:
    yield f"{level} {parser.prog}\n"
    yield f"{summary}.\n"
    verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not verbs:
        yield f"    {parser.usage or _usage(parser)}\n"
        yield from _options(parser)
    if parser.epilog:
        yield "Examples:\n"
        yield "\n".join("  " + line for line in parser.epilog.splitlines()[1:]) + "\n"
    for verb in verbs:
        summaries = {choice.dest: choice.help or "" for choice in verb._choices_actions}
        for name, child in verb.choices.items():
            yield from _command(child, summaries[name], level + "#")


def _usage(parser: argparse.ArgumentParser) -> str:
    words = [parser.prog]
    if any(action.option_strings for action in _own(parser)):
        words.append("[OPTIONS]")
    for action in _own(parser):
        if not action.option_strings:
            name = str(action.metavar or action.dest).upper()
            words.append(f"[{name}]" if action.nargs == "?" else name)
    return " ".join(words)


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    own = [action for action in _own(parser) if action.help != argparse.SUPPRESS]
    if own:
        yield from ("| | |", "|---|---|")
        yield from (f"| {_name(action)} | {action.help or ''} |" for action in own)
        yield ""


def _own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.dest not in _COMMON]


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{str(action.metavar or action.dest).upper()}`"
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return str(action.metavar or action.dest.upper())


if __name__ == "__main__":
    CLI.write_text(render())
    EXIT_CODES.write_text(render_exit_codes())
