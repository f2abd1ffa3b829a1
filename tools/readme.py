"""Puts the recorded output of ``make demo`` into README.md: ``python -m tools.readme [RECORDING]``.

A RECORDING given replaces the one that is kept, ``docs/demo.txt``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent
KEPT = PROJECT / "docs/demo.txt"
PLACE = re.compile(r"(<!-- demo -->\n).*?(<!-- /demo -->)", re.DOTALL)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def filled(readme: str) -> str:
    """Return the text with the recording in its place; as it is, when nothing is recorded."""
    if not KEPT.exists():
        return readme
    picture = f"\n```console\n{KEPT.read_text().strip()}\n```\n\n"
    return PLACE.sub(lambda match: match[1] + picture + match[2], readme)


def plain(recording: str) -> str:
    """Return what a terminal would show: no escapes, and of a line written over only the last state."""
    lines = (_ESCAPE.sub("", line).rstrip("\r").rsplit("\r", 1)[-1] for line in recording.splitlines())
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def main() -> None:
    """Take the recording, if one is given, and fill the place."""
    if len(sys.argv) > 1:
        KEPT.write_text(plain(Path(sys.argv[1]).read_text()))
    readme = PROJECT / "README.md"
    readme.write_text(filled(readme.read_text()))


if __name__ == "__main__":
    main()
