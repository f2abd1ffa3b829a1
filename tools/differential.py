"""Real Salt beside Saltern on the same trees.

    python -m tools.differential [--record] [--random N] [--scratch DIRECTORY] [--python PATH] [NAME …]

Takes the cases of ``tests/sls/cases``, compiles each with real Salt and with Saltern, and tells where they
differ. ``--record`` keeps what Salt gives in ``tests/sls/golden.json``, which is all that the tests need;
``--random`` takes as many random trees instead, ``--seed`` says which.
Salt is installed into a virtualenv in ``--scratch`` (else a temporary one), or ``--python`` is an
interpreter that has it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import msgspec

from saltern.testing.sls import Case, comparable, comparable_low, load_case
from tools.differential_random import random_cases

PROJECT = Path(__file__).resolve().parent.parent
CASES = PROJECT / "tests/sls/cases"
GOLDEN = PROJECT / "tests/sls/golden.json"
SALT = "salt>=3008,<3009"


def main() -> int:
    """Do what the command line says; the exit code is 1 when anything differs that should not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases, by the names of their files")
    parser.add_argument("--record", action="store_true", help="keep what Salt gives for the tests")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="as many random trees instead")
    parser.add_argument("--seed", type=int, default=0, help="which random trees")
    parser.add_argument("--scratch", type=Path, help="directory of the virtualenv with Salt")
    parser.add_argument("--python", type=Path, help="an interpreter that has Salt")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
        python = given.python or installed(given.scratch or Path(temporary) / "salt")
        cases = {path.stem: load_case(path) for path in sorted(CASES.glob("*.yaml"))}
        chosen = {name: cases[name] for name in given.names} or cases
        if given.random:
            chosen = random_cases(given.seed, given.random)
        answer = ask(python, chosen)
    print(f"Salt {answer['salt']}: {len(chosen)} cases")
    if given.record and not given.random:
        record(answer)
    return 1 if report(chosen, answer["results"]) else 0


def installed(directory: Path) -> Path:
    """Return an interpreter with Salt, in a virtualenv that is made where there is none."""
    python = directory / "bin/python"
    if not python.exists():
        venv.create(directory, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", SALT], check=True)
    return python


def ask(python: Path, cases: dict[str, Case]) -> dict[str, Any]:
    """Return what Salt makes of the cases."""
    question = json.dumps({name: msgspec.to_builtins(case) for name, case in cases.items()})
    worker = PROJECT / "tools/differential_salt.py"
    done = subprocess.run([python, worker], input=question, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def record(answer: dict[str, Any]) -> None:
    """Keep what Salt gave; of a refusal only that there was one."""
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    for name, result in answer["results"].items():
        golden[name] = [comparable_low(one) for one in result["low"]] if "low" in result else None
    GOLDEN.write_text(json.dumps(dict(sorted(golden.items())), indent=1, ensure_ascii=False) + "\n")


def report(cases: dict[str, Case], results: dict[str, Any]) -> list[str]:
    """Print each case that comes out otherwise than with Salt; return those that should not."""
    wrong = []
    for name, case in cases.items():
        difference = compared(case, results[name])
        if case.differs and not difference:
            print(f"\n{name}: SAID TO DIFFER, and does not")
            wrong.append(name)
        if not difference:
            continue
        print(f"\n{name}: {'differs on purpose: ' + case.differs if case.differs else 'DIFFERS'}")
        if not case.differs:
            print(difference)
            wrong.append(name)
    print(f"{len(cases) - len(wrong)} of {len(cases)} as expected")
    return wrong


def compared(case: Case, result: dict[str, Any]) -> str:
    """Return how Saltern's result differs from Salt's; nothing when it does not."""
    compiled = case.compile()
    said = "\n".join(map(str, compiled.faults))
    if "refused" in result:
        return "" if compiled.faults else f"Salt refuses: {result['refused']}"
    if compiled.faults:
        return f"only Saltern refuses:\n{said}"
    ours = json.loads(json.dumps(comparable(compiled), default=_text))
    salts = [comparable_low(one) for one in result["low"]]
    return "" if ours == salts else _difference(ours, salts)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _difference(ours: list[Any], salts: list[Any]) -> str:
    import difflib

    def lines(chunks: list[Any]) -> list[str]:
        return json.dumps(chunks, indent=1, ensure_ascii=False, sort_keys=True).splitlines()

    return "\n".join(difflib.unified_diff(lines(salts), lines(ours), "salt", "saltern", lineterm="", n=4))


if __name__ == "__main__":
    sys.exit(main())
