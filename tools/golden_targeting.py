"""Ask real Salt who its targets mean, and record the answers for the tests.

    python -m tools.golden_targeting [--scratch DIRECTORY]

Installs Salt into a scratch virtualenv (kept between runs if ``--scratch`` is given) and calls its own
matchers on the agents of ``tests/unit/targeting/data``. Writes ``golden.yaml`` there.
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

import yaml

DATA = Path(__file__).parent.parent / "tests/unit/targeting/data"
SALT = "salt==3008.*"

# Runs in Salt's interpreter: reads the question as JSON, prints the answers as JSON.
ASK = """
import json, logging, sys, tempfile
import salt.config, salt.loader, salt.version
logging.disable(logging.CRITICAL)
question = json.load(sys.stdin)
root = tempfile.mkdtemp()
answers = {}
for agent in question["fleet"]:
    opts = salt.config.DEFAULT_MINION_OPTS.copy()
    grains = {key: ({int(k): v for k, v in value.items()} if key == "ports" else value)
              for key, value in agent["grains"].items()}
    opts.update(id=agent["name"], grains=grains, pillar=agent["pillar"], cachedir=root, root_dir=root,
                extension_modules=root, nodegroups=question["nodegroups"])
    matchers = salt.loader.matchers(opts)
    for kind, targets in question["cases"].items():
        for target in targets:
            asked = target
            if kind == "nodegroup":
                asked = salt.utils.minions.nodegroup_comp(target, opts["nodegroups"])
            matcher = "compound" if kind == "nodegroup" else kind
            try:
                if kind == "pillar_exact":
                    meant = matchers["pillar_exact_match.match"](asked, opts=opts)
                else:
                    meant = matchers[matcher + "_match.match"](asked, opts=opts)
            except Exception:
                meant = False
            found = answers.setdefault(kind, {}).setdefault(target, [])
            if meant:
                found.append(agent["name"])
json.dump({"salt": str(salt.version.__version__), "cases": answers}, sys.stdout)
"""


def main() -> None:
    """Record the golden answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, help="where to keep the virtualenv with Salt")
    chosen: Path | None = parser.parse_args().scratch
    if chosen:
        record(chosen)
        return
    with tempfile.TemporaryDirectory() as scratch:
        record(Path(scratch))


def record(scratch: Path) -> None:
    """Ask Salt, installed in ``scratch``, and write its answers."""
    answers = asked(interpreter(scratch))
    for targets in answers["cases"].values():
        for target in targets:
            targets[target] = sorted(targets[target])
    text = yaml.safe_dump(answers, sort_keys=False, allow_unicode=True, width=120)
    (DATA / "golden.yaml").write_text(
        f"# Recorded by tools/golden_targeting.py; not written by hand.\n{text}"
    )


def interpreter(scratch: Path) -> Path:
    """Return the Python of a virtualenv that has Salt, made if need be."""
    python = scratch / "bin/python"
    if not python.exists():
        venv.create(scratch, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", SALT], check=True)
    return python


def asked(python: Path) -> dict[str, Any]:
    """Return Salt's answers: for each kind and target, the names of the agents meant."""
    read = {
        name: yaml.safe_load((DATA / f"{name}.yaml").read_text()) for name in ("fleet", "nodegroups", "cases")
    }
    read["cases"] = {
        kind: [case if isinstance(case, str) else case["target"] for case in cases]
        for kind, cases in read["cases"].items()
    }
    done = subprocess.run(
        [python, "-c", ASK], input=json.dumps(read), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


if __name__ == "__main__":
    main()
