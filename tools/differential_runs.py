"""Real Salt beside Saltern, running: results, what changed, and the disk afterwards.

    python -m tools.differential_runs [--record] [--scratch DIRECTORY] [--python PATH] [NAME …]

Takes the cases of ``tests/sls/runs``, each run dry, in earnest, and both once more. ``--record`` keeps what
Salt gives in ``tests/sls/golden-runs.json``, which is all that the tests need; ``--golden`` compares with it.
NAME is the beginning of a case's name.
"""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from saltern.testing.runs import RunCase, by_saltern, comparable, load_runs
from tools.differential import PROJECT, installed

CASES = PROJECT / "tests/sls/runs"
GOLDEN = PROJECT / "tests/sls/golden-runs.json"
#: Salts at work at a time.
WORKERS = 2


def main() -> int:
    """Do what the command line says; the exit code is 1 when anything differs that should not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginnings of cases' names")
    parser.add_argument("--record", action="store_true", help="keep what Salt gives for the tests")
    parser.add_argument("--golden", action="store_true", help="compare with what was kept, without Salt")
    parser.add_argument("--scratch", type=Path, help="directory of the virtualenv with Salt")
    parser.add_argument("--python", type=Path, help="an interpreter that has Salt")
    given = parser.parse_args()
    every = load_runs(CASES)
    cases = {name: case for name, case in every.items() if name.startswith(tuple(given.names) or "")}
    if given.golden:
        return 1 if report(cases, json.loads(GOLDEN.read_text())) else 0
    with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
        answers = ask(given.python or installed(given.scratch or Path(temporary) / "salt"), cases)
    if given.record:
        record(answers, list(every))
    return 1 if report(cases, answers) else 0


def ask(python: Path, cases: dict[str, RunCase]) -> dict[str, Any]:
    """Return what Salt makes of the cases, by name."""
    names = list(cases)
    with ThreadPoolExecutor(WORKERS) as pool:
        parts = pool.map(
            lambda first: _ask(python, {n: cases[n] for n in names[first::WORKERS]}), range(WORKERS)
        )
        return {name: answer for part in parts for name, answer in part.items()}


def _ask(python: Path, cases: dict[str, RunCase]) -> dict[str, Any]:
    question = json.dumps({name: msgspec.to_builtins(case) for name, case in cases.items()})
    worker = PROJECT / "tools/differential_runs_salt.py"
    done = subprocess.run([python, worker], input=question, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(line) for line in done.stdout.splitlines())


def record(answers: dict[str, Any], names: list[str]) -> None:
    """Keep what Salt gave, a line for each case; of a refusal only that there was one."""
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    golden |= {name: None if "refused" in answer else answer for name, answer in answers.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(golden[name])}" for name in sorted(names) if name in golden]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def report(cases: dict[str, RunCase], answers: dict[str, Any]) -> list[str]:
    """Print each case that comes out otherwise than with Salt; return those that should not."""
    wrong = []
    for name, case in cases.items():
        difference = compared(case, answers[name])
        if bool(difference) == bool(case.differs):
            continue
        print(f"\n{name}: {'SAID TO DIFFER, and does not' if case.differs else 'DIFFERS'}\n{difference}")
        wrong.append(name)
    print(f"{len(cases) - len(wrong)} of {len(cases)} as expected")
    return wrong


def compared(case: RunCase, answer: dict[str, Any] | None) -> str:
    """Return how Saltern's runs differ from Salt's (None: it refuses); nothing when they do not."""
    with tempfile.TemporaryDirectory(prefix="differential-") as scratch:
        ours = by_saltern(case, Path(scratch))
    refused = answer is None or "refused" in answer
    if refused or "refused" in ours:
        return "" if refused and "refused" in ours else f"Salt: {answer}\nSaltern: {ours}"
    lines = comparable(case, answer), comparable(case, ours)
    return "\n".join(difflib.unified_diff(*lines, "salt", "saltern", "", "", 1, ""))


if __name__ == "__main__":
    sys.exit(main())
