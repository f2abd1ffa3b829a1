"""Runs as data: a tree and what lies on the disk before; each is dry, real, dry again and real again.

A file ``tests/sls/runs/TOPIC.yaml`` maps names to cases. ``PLACE`` in a text stands for a directory that is
made anew for each case, and stands for it again in what comes back. ``each`` maps names to values: the case
is then one case for every combination of them, found in the pillar.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from saltern.testing.place import disk, lay_down, lay_out, shown

#: The runs a case makes, in order; the dry ones must leave the disk as it was.
PHASES = ("dry", "real", "dry again", "real again")


class RunCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tree, and the disk it is run on.

    ``sls`` is the one that is run, ``files`` are beside it; ``disk`` is what ``saltern.testing.place`` lays
    out. ``differs`` gives the reason why this is not what Salt does; ``unlike`` maps single states, or a part
    of what names them (``cmd.run it``), to such reasons; ``dry`` is the reason why a dry run calls what would
    change by other names.
    """

    about: str = ""
    sls: str
    files: dict[str, str] = {}
    disk: dict[str, Any] = {}
    pillar: dict[str, Any] = {}
    each: dict[str, list[Any]] = {}
    differs: str = ""
    unlike: dict[str, str] = {}
    dry: str = ""

    @property
    def texts(self) -> dict[str, str]:
        """The files of the tree, by path."""
        return {**self.files, "a.sls": self.sls}


def load_runs(directory: Path) -> dict[str, RunCase]:
    """Return all cases below a directory, those of ``each`` one by one, by name."""
    found: dict[str, RunCase] = {}
    for path in sorted(directory.glob("*.yaml")):
        for name, case in msgspec.yaml.decode(path.read_bytes(), type=dict[str, RunCase]).items():
            found |= {f"{path.stem}-{one}": made for one, made in _combinations(name, case)}
    return found


def _combinations(name: str, case: RunCase) -> Iterator[tuple[str, RunCase]]:
    if not case.each:
        yield name, case
        return
    for values in itertools.product(*case.each.values()):
        pillar = {**case.pillar, **dict(zip(case.each, values, strict=True))}
        words = "-".join(str(value) for value in values)
        yield f"{name}-{words}", msgspec.structs.replace(case, pillar=pillar, each={})


def comparable(case: RunCase, answer: Any) -> list[str]:
    """Return what a case came to as lines that say where they belong, without what differs on purpose."""
    found = []
    for phase, what in answer.items():
        parts = what.items() if isinstance(what, dict) else enumerate(map(_essence(case, phase), what))
        lines = [f"{phase}: {key} {json.dumps(one, sort_keys=True)}" for key, one in parts]
        found += [line for line in lines if not any(name in line for name in case.unlike)]
    return found


def _essence(case: RunCase, phase: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what makes of a result what is compared."""

    def essence(result: dict[str, Any]) -> dict[str, Any]:
        if case.dry and "dry" in phase and result["result"] is None:
            return {**result, "changes": "some"}
        names = result["changes"]
        # Salt names the mode of what is new, or changed in another way, as its umask happens to be.
        return {**result, "changes": [name for name in names if name != "mode" or len(names) == 1]}

    return essence


def by_saltern(case: RunCase, scratch: Path) -> dict[str, Any]:
    """Return what each run comes to, and the disk after it; or that the case is refused, and why."""
    from saltern.sls.fault import SlsError

    place, roots = scratch / "place", scratch / "roots"
    lay_out(case.disk, place)
    lay_down(case.texts, roots, place)
    found: dict[str, Any] = {}
    for phase in PHASES:
        try:
            results = _run(case, roots, dry="dry" in phase)
        except SlsError as error:
            return {"refused": str(error)}
        found[phase] = [shown(result, key, place) for key, result in results.items()]
        found[f"disk after {phase}"] = disk(place)
    return found


def _run(case: RunCase, roots: Path, *, dry: bool) -> dict[str, dict[str, Any]]:
    """Return the results of one run by key. Raises SlsError."""
    from saltern.engine.runner import Wishes
    from saltern.engine.site import Site
    from saltern.engine.states import look, perform
    from saltern.sdk.local import LocalHost
    from saltern.sls.tree import LocalTree

    host = LocalHost(grains=lambda: {"id": "web1", "os": "Debian", "os_family": "Debian"})
    made = Site(host, LocalTree({"base": [str(roots)]}), opts={"id": "web1"})
    made.give_pillar(case.pillar)
    host.supply = made.supply
    compiled, wishes = made.compile(["a"]), Wishes(test=dry)
    return look(made, compiled, wishes) if dry else perform(made, compiled, wishes, what="a case")
