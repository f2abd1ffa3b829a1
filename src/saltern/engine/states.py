"""Compiled states, run on a machine: one run at a time, recorded so that it can be undone."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from saltern.engine import explain
from saltern.engine.encode import noted
from saltern.engine.journal import Head, Journal, runs
from saltern.engine.runner import Run, Wishes
from saltern.engine.site import Site
from saltern.engine.turn import glance, turn
from saltern.engine.worker import Worker
from saltern.sls.low import Compiled

#: Records of runs that are kept, the latest ones.
KEPT = 20
#: A run ends before its next state when a file of this name lies in its record.
STOP = "stop"

Results = dict[str, dict[str, Any]]


def look(site: Site, compiled: Compiled, wishes: Wishes) -> Results:
    """Return what a run would do. Nothing is written anywhere.

    Raises SlsError for what can't be compiled, Busy while another run changes the machine.
    """
    dry = msgspec.structs.replace(wishes, test=True)
    compiled.check()
    if site.directory is None:
        return _run(site, compiled, dry, None)
    with glance(site.directory):
        return _run(site, compiled, dry, None)


def perform(site: Site, compiled: Compiled, wishes: Wishes, *, what: str, queue: bool = False) -> Results:
    """Make a run and return its results. ``what`` names it to others.

    Raises SlsError for what can't be compiled, and Busy while another run changes the machine, unless
    ``queue`` has it wait.
    """
    compiled.check()
    if site.directory is None:
        return _run(site, compiled, wishes, None)
    head = _head(site, compiled, what)
    with turn(site.directory, head, queue=queue):
        _forget_the_oldest(site.directory)
        journal = Journal(site.directory, head)
        if head.job:
            explain.record(journal.directory, compiled, explain.Covering(site.pillar))
        try:
            return _run(site, compiled, wishes, journal)
        finally:
            journal.close(site.host)


def _run(site: Site, compiled: Compiled, wishes: Wishes, journal: Journal | None) -> Results:
    host = site.host
    site.supply.notes.clear()
    worker = Worker(host, site.supply, site.registry, journal)

    def tell(told: Mapping[str, Any]) -> None:
        host.emit("state", noted(told) + b"\n")

    end = None if journal is None else str(journal.directory / STOP)

    def stop() -> bool:
        return end is not None and os.path.exists(end)

    results = Run(compiled, worker, wishes, journal=journal, tell=tell, stop=stop).perform()
    if host.agent is not None:
        explain.add_reasons(results, compiled, explain.Covering(site.pillar))
    return results


def _head(site: Site, compiled: Compiled, what: str) -> Head:
    now = site.host.now()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    return Head(
        run=f"{stamp}-{secrets.token_hex(3)}",
        what=what,
        started=now,
        pid=os.getpid(),
        states=len(compiled.chunks),
        job="" if site.host.agent is None else site.host.agent.jid,
    )


def _forget_the_oldest(directory: Path) -> None:
    for head in runs(directory)[KEPT - 1 :]:
        shutil.rmtree(directory / head.run)
