"""Real Salt's pillars beside ours: ``python -m tools.differential_pillar --python PATH [--record]``.

PATH is an interpreter that has Salt. The cases stand in ``tests/unit/engine/pillar_cases.yaml``; ``--record``
keeps what Salt makes of them beside it, which is all that the tests need.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent
CASES = PROJECT / "tests/unit/engine/pillar_cases.yaml"
GOLDEN = PROJECT / "tests/unit/engine/pillar_golden.json"


def main() -> int:
    """Ask Salt and compare with what was recorded; 1 when it differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", type=Path, required=True, help="an interpreter that has Salt")
    parser.add_argument("--record", action="store_true", help="keep what Salt gives for the tests")
    given = parser.parse_args()
    answers = ask(given.python, yaml.safe_load(CASES.read_text()))
    if given.record:
        GOLDEN.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")
    known = json.loads(GOLDEN.read_text())
    different = [name for name in answers if answers[name] != known.get(name)]
    print(f"{len(answers)} cases; different from what was recorded: {', '.join(different) or 'none'}")
    return 1 if different else 0


def ask(python: Path, cases: dict[str, Any]) -> dict[str, Any]:
    """Return what Salt makes of the cases."""
    worker = PROJECT / "tools/differential_pillar_salt.py"
    done = subprocess.run(
        [python, worker], input=json.dumps(cases), stdout=subprocess.PIPE, text=True, check=True
    )
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


if __name__ == "__main__":
    raise SystemExit(main())
