"""States on a fleet: a hundred files to each of many real agents, first and again, and a plan of them.

The tree is the controller's. All agents are on this machine and share its processors with everything else, so
the time is mostly theirs; the controller's share is told. The floor is ``test.ping`` to the same agents.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, best, cpu_seconds

from saltern.model.status import Status
from saltern.testing.site import Site

_STATES = 100


def run(quick: bool) -> Iterator[Row]:
    """Measure a fleet of 5 or of 100 agents."""
    with tempfile.TemporaryDirectory() as directory:
        yield from _fleet(Path(directory), 5 if quick else 100)


def _fleet(directory: Path, count: int) -> Iterator[Row]:
    (directory / "tree").mkdir()
    (directory / "tree/many.sls").write_text(_tree(directory / "made"))
    backends = [{"roots": {"base": [str(directory / "tree")]}}]
    with Site(directory / "site", files={"backends": backends}) as site:
        site.add(*(f"agent{number}" for number in range(count)))
        floor = best(3, lambda: _job(site, count, "test.ping"))
        for what, fun in (("first", "state.apply"), ("again", "state.apply"), ("planned", "state.plan")):
            before, began = cpu_seconds([site.controller.pid]), time.perf_counter()
            _job(site, count, fun, ["many"])
            took = time.perf_counter() - began
            used = cpu_seconds([site.controller.pid]) - before
            memory = site.controller.memory(site.controller.pid) / 1024**2
            yield Row(
                what=f"{_STATES} states on {count} agents, {what}",
                value=took,
                unit="s",
                reference=floor,
                of="test.ping",
                note=f"controller: {used:.2f} CPU s, {memory:.0f} MB",
            )


def _tree(place: Path) -> str:
    return "".join(
        f"{place}/{{{{ grains.id }}}}/{number}:\n"
        f"  file.managed:\n    - contents: some text {number}\n    - makedirs: True\n"
        for number in range(_STATES)
    )


def _job(site: Site, count: int, fun: str, *args: object) -> None:
    """Run a job on everybody. AssertionError unless all end well."""
    statuses = site.run("*", fun, *args).statuses()
    assert list(statuses.values()) == [Status.OK] * count, statuses
