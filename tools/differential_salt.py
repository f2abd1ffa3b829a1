"""Compiles cases with real Salt. Runs in Salt's own interpreter: cases as JSON in, results as JSON out."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the cases from standard input and print, by name, the low data, or that Salt refuses."""
    logging.disable(logging.CRITICAL)
    cases = json.load(sys.stdin)
    import salt.version

    results = {name: run(case) for name, case in cases.items()}
    json.dump({"salt": str(salt.version.__version__), "results": results}, sys.stdout, default=text)


def text(value: Any) -> str:
    """Return what JSON has no form for as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def run(case: dict[str, Any]) -> dict[str, Any]:
    """Return what one case comes to."""
    with tempfile.TemporaryDirectory(prefix="differential-") as scratch:
        try:
            compiled = compiled_by_salt(case, Path(scratch))
        except Exception as error:  # whatever Salt raises is its answer
            return {"refused": [f"{type(error).__name__}: {error}"]}
    if compiled and isinstance(compiled[0], str):
        return {"refused": compiled}
    return {"low": json.loads(json.dumps(compiled, default=text))}


def options(case: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Return a minion's configuration over the case's files, without any daemon."""
    import salt.config

    environments = {"base": case["files"], **case["environments"]}
    for saltenv, files in environments.items():
        for path, content in files.items():
            place = scratch / "roots" / saltenv / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)
    opts = salt.config.minion_config(None)
    opts.update(
        id=case["id"],
        file_client="local",
        root_dir=str(scratch),
        cachedir=str(scratch / "cache"),
        extension_modules=str(scratch / "modules"),
        file_roots={saltenv: [str(scratch / "roots" / saltenv)] for saltenv in environments},
        pillar_roots={"base": []},
        grains={"id": case["id"], "os": "Debian", "os_family": "Debian", "kernel": "Linux", **case["grains"]},
        **case["opts"],
    )
    return dict(opts)


def compiled_by_salt(case: dict[str, Any], scratch: Path) -> list[Any]:
    """Return the low chunks, or the errors as texts."""
    import salt.state

    opts = options(case, scratch)
    with salt.state.HighState(opts, initial_pillar=case["pillar"] or {"_": "_"}) as highstate:
        highstate.push_active()
        try:
            return chunks_of(highstate, case)
        finally:
            salt.state.HighState.pop_active()


def chunks_of(highstate: Any, case: dict[str, Any]) -> list[Any]:
    """Do what Salt's ``state.show_low_sls`` does, exclusions of the call included."""
    state = highstate.state
    errors: list[Any] = []
    if case["highstate"]:
        top = highstate.get_top()
        errors += highstate.verify_tops(top)
        matches = highstate.top_matches(top)
        if not matches:
            errors.append("nothing matches")
    else:
        matches = {"base": case["run"]}
    high, found = highstate.render_highstate(matches)
    errors += found
    if case["exclude"]:
        high["__exclude__"] = [*high.get("__exclude__", []), *case["exclude"]]
    high, found = state.reconcile_extend(high)
    errors += found
    errors += state.verify_high(high)
    high, found = state.requisite_in(high)
    errors += found
    high = state.apply_exclude(high)
    if errors:
        return errors
    chunks, errors = state.compile_high_data(high)
    return list(errors or chunks)


if __name__ == "__main__":
    main()
