"""The pages about the command line are what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_pages_are_up_to_date() -> None:
    """Made anew they are the same."""
    module = runpy.run_path(str(ROOT / "tools/cli_reference.py"))
    assert module["CLI"].read_text() == module["render"](), "run: python -m tools.cli_reference"
    assert module["EXIT_CODES"].read_text() == module["render_exit_codes"](), (
        "run: python -m tools.cli_reference"
    )
