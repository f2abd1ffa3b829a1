"""Makes pillars with real Salt. Runs in Salt's own interpreter: cases as JSON in, pillars as JSON out."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the cases from standard input and print, by name, the pillar with Salt's ``_errors``."""
    logging.disable(logging.CRITICAL)
    cases = json.load(sys.stdin)
    json.dump({name: pillar(case) for name, case in cases.items()}, sys.stdout, default=str)


def pillar(case: dict[str, Any]) -> Any:
    """Return what Salt makes of one case."""
    import salt.config
    import salt.pillar

    with tempfile.TemporaryDirectory(prefix="differential-") as scratch:
        environments = case.get("environments") or {"base": case["files"]}
        for saltenv, files in environments.items():
            (Path(scratch) / "roots" / saltenv).mkdir(parents=True)
            for path, content in files.items():
                place = Path(scratch) / "roots" / saltenv / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(content)
        opts = salt.config.minion_config(None)
        grains = {"id": "me", "os": "Debian", **case.get("grains", {})}
        opts.update(
            id="me",
            file_client="local",
            root_dir=scratch,
            cachedir=f"{scratch}/cache",
            extension_modules=f"{scratch}/modules",
            file_roots={"base": [f"{scratch}/none"]},
            pillar_roots={saltenv: [f"{scratch}/roots/{saltenv}"] for saltenv in environments},
            grains=grains,
            **case.get("opts", {}),
        )
        given, pillarenv = case.get("given"), case.get("pillarenv")
        made = salt.pillar.Pillar(
            opts, grains, "me", case.get("saltenv"), pillar_override=given, pillarenv=pillarenv
        )
        return made.compile_pillar()


if __name__ == "__main__":
    main()
