"""Runs cases with real Salt, in Salt's own interpreter: cases as JSON in, a line of JSON for each out."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> None:
    """Read cases from standard input; print a name and what the case came to, line by line."""
    logging.disable(logging.CRITICAL)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what states write to stdout is no answer
    for name, case in json.load(sys.stdin).items():
        scratch = tempfile.mkdtemp(prefix="differential-")
        try:
            answer = run(case, Path(scratch))
        except Exception as error:  # whatever Salt raises is its answer
            answer = {"refused": [f"{type(error).__name__}: {error}"]}
        finally:
            shutil.rmtree(scratch, ignore_errors=True)  # a parallel state may still be writing there
        print(json.dumps([name, answer], default=str), file=out, flush=True)


def shared() -> Any:
    """Return ``saltern.testing.place``, read from its file."""
    file = Path(__file__).parent.parent / "src/saltern/testing/place.py"
    spec = importlib.util.spec_from_file_location("place", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(case: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Return what each run comes to, and the disk after it; or that Salt refuses, and why."""
    shape = shared()
    place = scratch / "place"
    shape.lay_out(case["disk"], place)
    shape.lay_down({**case["files"], "a.sls": case["sls"]}, scratch / "roots", place)
    found: dict[str, Any] = {}
    for phase in ("dry", "real", "dry again", "real again"):
        results = one_run(options(scratch), case["pillar"], "dry" in phase)
        if not isinstance(results, dict):
            return {"refused": results}
        ordered = sorted(results.items(), key=lambda item: item[1].get("__run_num__", 0))
        found[phase] = [shape.shown(result, key, place) for key, result in ordered]
        found[f"disk after {phase}"] = shape.disk(place)
    return found


def options(scratch: Path) -> dict[str, Any]:
    """Return a minion's configuration, without any daemon."""
    import salt.config

    opts = salt.config.minion_config(None)
    opts.update(
        id="web1",
        file_client="local",
        root_dir=str(scratch),
        cachedir=str(scratch / "cache"),
        sock_dir=str(scratch / "sock"),
        pki_dir=str(scratch / "pki"),
        extension_modules=str(scratch / "modules"),
        file_roots={"base": [str(scratch / "roots")]},
        pillar_roots={"base": []},
        grains={"id": "web1", "os": "Debian", "os_family": "Debian", "kernel": "Linux", "shell": "/bin/sh"},
        state_events=False,
    )
    (scratch / "cache").mkdir(exist_ok=True)
    return dict(opts)


def one_run(opts: dict[str, Any], pillar: dict[str, Any], dry: bool) -> Any:
    """Return the results of one run by key, or a list of refusals."""
    import salt.state

    opts["test"] = dry
    with salt.state.HighState(opts, initial_pillar=pillar or {"_": "_"}) as highstate:
        highstate.push_active()
        try:
            high, errors = highstate.render_highstate({"base": ["a"]})
            return errors or highstate.state.call_high(high)
        finally:
            salt.state.HighState.pop_active()


if __name__ == "__main__":
    main()
