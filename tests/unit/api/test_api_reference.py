"""The page about the API is what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_is_up_to_date() -> None:
    """Made anew it is the same."""
    module = runpy.run_path(str(ROOT / "tools/api_reference.py"))
    assert module["TARGET"].read_text() == module["render"](), "run: python -m tools.api_reference"
