"""Disks that are full: the broker's and an agent's. Nothing finished is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.site import Site

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root"),
]


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[Path]:
    """Mount a file system of ``size`` at a directory."""
    at.mkdir(parents=True, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(disk: Path) -> Path:
    """Use up all space there is; return the file to remove."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            return ballast


def test_the_brokers_disk_is_full(tmp_path: Path) -> None:
    """Agents keep their returns until there is space again; then all arrive, each once."""
    root = tmp_path / "site"
    streams = root / "controller/var/lib/saltern/controller/broker/streams"
    with small_disk(streams, "64m"), Site(root, fabric={"max_storage": 48 * 2**20}) as site:
        (agent,) = site.add("a")
        go = tmp_path / "go"
        hold = f"until [ -e {go} ]; do sleep 0.05; done"
        large = "head -c 3000000 /dev/zero | tr '\\0' x"
        jids = [
            site.start_job("a", "cmd.run", f"echo ran >> {tmp_path}/ran; {hold}; {what}")
            for what in ("echo small", large, "echo small", large)
        ]
        for jid in jids:
            site.wait_target(jid, "a", Status.RUNNING)
        ballast = fill(streams)
        go.touch()
        spool = agent.layout.agent / "spool"
        site.wait_for(lambda: len(list(spool.glob("*.return"))) >= 2, "returns wait in the spool")
        site.wait_for(lambda: "not handed over yet" in agent.log(), "the stream does not take them")
        ballast.unlink()
        assert {site.wait_return(jid, "a", within=100).status for jid in jids} == {Status.OK}
        assert (tmp_path / "ran").read_text() == "ran\n" * 4
        site.wait_for(lambda: not list(spool.glob("*.return")), "the spool is empty")
        assert site.run("a", "test.ping").statuses() == {"a": Status.OK}


def test_an_agents_disk_is_full(tmp_path: Path) -> None:
    """It takes no job it could not answer, says why, and a job under way still gives its return."""
    with Site(tmp_path / "site") as site:
        agent = site.new_agent("a")
        with small_disk(agent.layout.agent, "48m") as disk:
            assert site.join(agent, site.token().text).returncode == 0
            agent.start()
            site.wait_online("a")
            go = tmp_path / "go"
            hold = f"until [ -e {go} ]; do sleep 0.05; done"
            small = site.start_job("a", "cmd.run", f"{hold}; echo done; exit 3")
            large = site.start_job("a", "cmd.run", f"{hold}; head -c 4000000 /dev/zero | tr '\\0' x")
            for jid in (small, large):
                site.wait_target(jid, "a", Status.RUNNING)
            ballast = fill(disk)
            refused = site.run("a", "cmd.run", f"touch {tmp_path}/ran")
            assert refused.statuses() == {"a": Status.REFUSED}
            assert "disk is full" in refused.settled["a"].reason
            assert not (tmp_path / "ran").exists()
            go.touch()
            ended = site.wait_return(small, "a")
            assert (ended.status, ended.retcode) == (Status.FAILED, 3)
            too_large = site.wait_return(large, "a")
            assert too_large.status is Status.FAILED
            assert "did not fit" in str(site.watch(large).settled["a"].error)
            ballast.unlink()
            assert site.run("a", "test.ping").statuses() == {"a": Status.OK}
            agent.kill()
            site.close()
