"""A return of a hundred megabytes goes through, and no process holds it in memory."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.site import Site

pytestmark = pytest.mark.integration

SIZE = 100 * 2**20


class Highest(threading.Thread):
    """Watches how much memory processes take."""

    def __init__(self, site: Site, *pids: int) -> None:
        super().__init__(daemon=True)
        self._site = site
        self.before = {pid: site.controller.memory(pid) for pid in pids}
        self.most = dict(self.before)
        self._end = threading.Event()

    def run(self) -> None:
        """Look twenty times a second."""
        while not self._end.wait(0.05):
            for pid in self.most:
                self.most[pid] = max(self.most[pid], self._site.controller.memory(pid))

    def grown(self) -> list[int]:
        """End; return the most by which each has grown, in MB."""
        self._end.set()
        self.join()
        return [(self.most[pid] - self.before[pid]) // 2**20 for pid in self.most]


@pytest.mark.timeout(240)
def test_a_hundred_megabytes(tmp_path: Path) -> None:
    with Site(tmp_path / "site") as site:
        (agent,) = site.add("a")
        assert site.run("a", "test.ping").statuses() == {"a": Status.OK}
        watch = Highest(site, agent.loop, site.controller.pid)
        watch.start()
        jid = site.start_job("a", "cmd.run", f"head -c {SIZE} /dev/zero | tr '\\0' x")
        target = site.wait_return(jid, "a", within=180)
        digest, size = hashlib.sha256(), 0
        for piece in site.api.pieces(f"/v1/jobs/{jid}/returns/a"):
            digest.update(piece)
            size += len(piece)
        grown = watch.grown()
        assert (target.status, target.size) == (Status.OK, SIZE + 2)
        assert size == SIZE + 2
        assert digest.digest() == hashlib.sha256(b'"' + b"x" * SIZE + b'"').digest()
        assert max(grown) < 60, f"agent's loop and controller grew by {grown} MB"
        line = site.watch(jid).settled["a"]
        assert line.size == SIZE + 2
