"""The same main job on a NATS server that somebody else runs, and on PostgreSQL."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.conditions import eventually
from saltern.testing.postgresql import PostgreSQL, postgresql
from saltern.testing.site import Site, free_port
from saltern.transport.broker import find_server

pytestmark = pytest.mark.integration

__all__ = ["postgresql"]  # a fixture


def main_job(site: Site) -> None:
    """Have agents join, run, fail, go and come back."""
    a, _ = site.add("a", "b")
    assert set(site.run("*", "test.ping").statuses().values()) == {Status.OK}
    assert site.run("b", "cmd.run", "exit 3").settled["b"].retcode == 3
    large = site.run("a", "cmd.run", "head -c 3000000 /dev/zero | tr '\\0' x")
    assert site.targets(large.jid)["a"].size == 3_000_002
    a.stop()
    site.wait_for(lambda: "a" not in site.online(), "a is offline")
    queued = site.start_job("*", "test.ping", queue=600)
    assert site.wait_return(queued, "b").status is Status.OK
    a.start()
    assert site.wait_return(queued, "a").status is Status.OK
    site.change_keys("revoke", "b")
    site.wait_for(lambda: site.online() == {"a"}, "b is put out")


@contextmanager
def nats(directory: Path) -> Iterator[None]:
    """Run a NATS server on an exported configuration, as its owner would."""
    log = directory / "log"
    command = [str(find_server()), "-c", str(directory / "nats-server.conf"), "-l", str(log)]
    server = subprocess.Popen(command)
    try:
        eventually(lambda: log.exists() and "Server is ready" in log.read_text(), what="NATS is up")
        yield
    finally:
        server.terminate()
        server.wait(60)


def test_a_nats_server_of_ones_own(tmp_path: Path) -> None:
    port = free_port()
    site = Site(tmp_path / "site", fabric={"urls": [f"tls://127.0.0.1:{port}"], "max_storage": 2**28})
    done = site.saltern("fabric", "config", str(tmp_path / "nats"), "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 0, done.stderr
    with nats(tmp_path / "nats"), site:
        main_job(site)
        assert not site.processes("nats-server"), "the controller runs none of its own"
        site.controller.kill()
        site.restart_controller()
        site.wait_online("a")
        assert site.online() == {"a"}
        assert site.run("a", "test.ping").statuses() == {"a": Status.OK}


def test_postgresql(tmp_path: Path, postgresql: PostgreSQL) -> None:
    with Site(tmp_path / "site", database=postgresql.address()) as site:
        assert site.status().database.startswith("postgresql")
        main_job(site)
