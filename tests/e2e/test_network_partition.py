"""The network between an agent and the controller is cut and mended: network namespaces, and real packets."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.site import Site

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("nft") is None,
        reason="network namespaces need root, iproute2 and nftables",
    ),
]

#: Addresses for tests of networks (RFC 2544): in nobody's way.
OUTSIDE, INSIDE = "198.18.201.1", "198.18.201.2"


def ip(*words: str) -> None:
    """Run iproute2."""
    subprocess.run(["ip", *words], check=True)


class Island:
    """A network namespace with one link to this host."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.link = f"{name}-out"

    def cut(self) -> None:
        """Drop every packet, silently: neither side hears that the other is gone."""
        rules = (
            "add table inet cut; add chain inet cut in { type filter hook input priority 0; policy drop; };"
        )
        rules += "add chain inet cut out { type filter hook output priority 0; policy drop; };"
        self._inside("nft", rules)

    def mend(self) -> None:
        """Let packets through again."""
        self._inside("nft", "delete table inet cut")

    def _inside(self, *command: str) -> None:
        subprocess.run(["ip", "netns", "exec", self.name, *command], check=True)


@contextmanager
def island() -> Iterator[Island]:
    """Make a namespace and its link; remove both."""
    made = Island(f"slt{os.getpid() % 100_000}")
    ip("netns", "add", made.name)
    try:
        ip("link", "add", made.link, "type", "veth", "peer", "name", "eth0", "netns", made.name)
        ip("address", "add", f"{OUTSIDE}/30", "dev", made.link)
        ip("link", "set", made.link, "up")
        ip("-n", made.name, "address", "add", f"{INSIDE}/30", "dev", "eth0")
        ip("-n", made.name, "link", "set", "eth0", "up")
        yield made
    finally:
        ip("netns", "delete", made.name)


@pytest.mark.timeout(240)
def test_a_partition_and_its_end(tmp_path: Path) -> None:
    """Who is cut off is named, its job goes on, delays nobody, and its return comes when the way is back."""
    settings = {"disconnected_grace": 2.0, "silence": 3.0}
    with island() as network, Site(tmp_path, address=OUTSIDE, jobs=settings) as site:
        near, far = site.new_agent("near"), site.new_agent("far")
        far.prefix = ("ip", "netns", "exec", network.name)
        for agent in (near, far):  # the way to join is the same; who runs where is what matters
            assert site.join(agent, site.token().text).returncode == 0
            agent.start()
        site.wait_online("near", "far")
        go = tmp_path / "go"
        command = f"echo ran >> {tmp_path}/ran; until [ -e {go} ]; do sleep 0.05; done"
        running = site.start_job("far", "cmd.run", command)
        site.wait_target(running, "far", Status.RUNNING)
        network.cut()
        jid = site.start_job("*", "test.ping")
        assert site.wait_return(jid, "near").status is Status.OK
        assert site.wait_target(jid, "far", within=15).status is Status.UNRESPONSIVE
        go.touch()
        site.wait_for(lambda: site.online() == {"near"}, "the broker misses it", within=90)
        assert site.wait_target(running, "far", within=60).status in (Status.LOST, Status.UNRESPONSIVE)
        assert site.run("far", "test.ping").statuses() == {"far": Status.OFFLINE}
        network.mend()
        site.wait_online("near", "far", within=90)
        assert site.wait_return(running, "far").status is Status.OK
        assert (tmp_path / "ran").read_text() == "ran\n"
        assert site.run("*", "test.ping").statuses() == {"near": Status.OK, "far": Status.OK}
