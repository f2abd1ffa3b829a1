"""States in a world in memory: make one, run SLS in it, compare what it was with what it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from saltern.engine.runner import Wishes
from saltern.engine.site import Site
from saltern.engine.states import Results, look, perform
from saltern.testing.host import FakeHost
from saltern.testing.sls import CACHE, MemoryTree


def site(
    host: FakeHost,
    *,
    tree: Mapping[str, str | bytes] | None = None,
    pillar: Mapping[str, Any] | None = None,
    opts: Mapping[str, Any] | None = None,
    directory: Path | None = None,
) -> Site:
    """Return the site of a fake host, which is supplied by it: files of ``base``, a pillar, and settings."""
    files = MemoryTree({"base": dict(tree or {})}, host.place)
    made = Site(host, files, opts={"id": "fake", **(opts or {})}, directory=directory, with_code=True)
    made.give_pillar(pillar)
    host.supply = made.supply
    return made


def run(made: Site, high: Mapping[str, Any], **wishes: Any) -> Results:
    """Run what an SLS called ``it`` would say, and return the results. Raises SlsError."""
    import yaml

    wanted = Wishes(**wishes)
    text = "#!yaml\n" + yaml.safe_dump(dict(high), sort_keys=False)
    whole: dict[str, str | bytes] = {
        **{path: _read(made, path) for path in made.tree.files("base")},
        "it.sls": text,
    }
    assert isinstance(made.host, FakeHost)
    made.tree = MemoryTree({"base": whole}, made.host.place)
    compiled = made.compile(["it"])
    return look(made, compiled, wanted) if wanted.test else perform(made, compiled, wanted, what="a test")


def _read(made: Site, path: str) -> bytes:
    found = made.tree.read("base", path)
    assert found is not None
    return found.data


def snapshot(host: FakeHost) -> dict[str, Any]:
    """Return all that states may change of a fake host, to be compared."""
    files = {
        path: msgspec.to_builtins(file) for path, file in host.files.items() if not path.startswith(CACHE)
    }
    return {
        "files": files,
        "directories": host.folders(),
        "environment": dict(host.environment),
        "signals": list(host.signals),
    }
