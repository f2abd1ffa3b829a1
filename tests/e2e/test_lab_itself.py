"""The lab that the other tests of this folder stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from saltern.testing.conditions import eventually
from saltern.testing.lab import Lab, LabHost
from saltern.testing.lab_host import HostFailed, NoPackages
from saltern.testing.lab_sweep import differences

pytestmark = pytest.mark.e2e

ANOTHER = """
import time
from saltern.testing.lab import Lab
with Lab() as lab:
    lab.host("left")
    print(lab.home, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    return lab.up("here", "there")


def test_hosts_are_hosts_of_their_own(pair: list[LabHost]) -> None:
    here, there = pair
    assert [one.must("hostname").strip() for one in pair] == ["here", "there"]
    assert {one.must("cat", "/proc/1/comm") for one in pair} == {"systemd\n"}
    here.put("/srv/x", "mine")
    assert there.run("cat", "/srv/x").retcode != 0
    assert here.must("cat", "/srv/x") == "mine"


def test_hosts_reach_each_other_and_nothing_else(pair: list[LabHost], lab: Lab) -> None:
    here, there = pair
    connect = "import socket,sys; socket.create_connection((sys.argv[1], 22), timeout=5)"
    here.must("python3", "-c", connect, there.address)
    lab.inside("python3", "-c", connect, there.address)
    assert "No route to host" in here.run("python3", "-c", connect, "192.0.2.1").stderr


def test_a_snapshot_tells_what_changed(pair: list[LabHost]) -> None:
    here, _ = pair
    before = here.snapshot()
    assert differences(before, here.snapshot()) == {}
    here.shell("cat /etc/shadow > /dev/null; chmod 640 /etc/shadow")
    assert differences(before, here.snapshot()) == {}
    here.shell("touch /etc/new; rm /etc/motd; chmod 600 /etc/issue; systemctl stop cron")
    found = differences(before, here.snapshot())
    assert sorted(found) == ["etc/issue", "etc/motd", "etc/new", "services"]
    assert found["etc/motd"] == ("", "removed")
    here.must("systemctl", "start", "cron")


def test_failures_are_told(pair: list[LabHost]) -> None:
    here, _ = pair
    with pytest.raises(HostFailed, match="code 3: no"):
        here.shell("echo no >&2; exit 3")
    with pytest.raises(HostFailed, match="no function"):
        here.call("test.pong")
    here.shell("ln -sfn /etc /srv/way")
    with pytest.raises(HostFailed, match="a link on the way"):
        here.put("/srv/way/motd", "of the machine, not the host")


def test_it_starts_again(pair: list[LabHost]) -> None:
    _, there = pair
    there.put("/srv/kept", "yes")
    first = there.must("cat", "/proc/sys/kernel/random/boot_id"), there.must("stat", "-c", "%Y", "/proc/1")
    there.reboot()
    assert there.read("/srv/kept") == "yes"
    assert there.must("stat", "-c", "%Y", "/proc/1") != first[1]


def test_a_power_cut(lab: Lab) -> None:
    host = lab.host("cut")
    host.kill()
    with pytest.raises(HostFailed, match="is not running"):
        host.run("true")
    host.start()
    host.wait()
    assert host.call("test.ping") is True


def test_what_a_killed_run_left_is_removed(lab: Lab) -> None:
    with subprocess.Popen([sys.executable, "-c", ANOTHER], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        home = Path(other.stdout.readline().strip())
        host = int((home / "left/pid").read_text())
        with Lab():  # one that lives is left alone
            assert (home / "left/root/etc").is_dir()
        other.send_signal(signal.SIGKILL)
    assert os.path.exists(f"/proc/{host}")
    with Lab():
        assert not home.exists()
    eventually(lambda: not os.path.exists(f"/proc/{host}"), what="its host is gone")
    assert not list(Path("/run/netns").glob(f"{home.name}*"))


def test_packages_that_can_not_be_had_are_told_apart(lab: Lab) -> None:
    host = lab.host("offline")
    with pytest.raises(HostFailed, match="Unable to locate package no-such-package") as found:
        host.install("no-such-package")
    assert not isinstance(found.value, NoPackages)
    host.put("/etc/apt/apt.conf.d/01lab", 'Acquire::http::Proxy "http://192.0.2.1:1";\n')
    with pytest.raises(NoPackages):
        host.install("sl")
