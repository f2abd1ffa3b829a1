"""``saltern completion``: what a shell has to know to complete what is typed."""

from __future__ import annotations

import argparse

from saltern.cli.context import Context
from saltern.cli.exit_codes import ExitCode

SHELLS = ("bash", "zsh", "fish")
EXAMPLES = """
  saltern completion bash > /usr/share/bash-completion/completions/saltern
  saltern completion zsh > "${fpath[1]}/_saltern"
  saltern completion fish > ~/.config/fish/completions/saltern.fish
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the argument."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    parser.set_defaults(handler=run)


def run(context: Context, options: argparse.Namespace) -> int:
    """Print the script."""
    from saltern.cli.completion import SCRIPTS

    context.out.write(SCRIPTS[options.shell]())
    return ExitCode.OK
