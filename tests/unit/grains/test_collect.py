"""All collectors together: none spoils the others, none waits for ever."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern import grains
from saltern.grains.sources import Collector
from saltern.sdk import Host
from saltern.sdk.local import LocalHost
from saltern.testing.host import FakeHost

#: What Salt's users count on; a missing one breaks somebody's formula.
CORE = (
    *(
        "id",
        "os",
        "os_family",
        "osfullname",
        "osrelease",
        "osrelease_info",
        "osmajorrelease",
        "osfinger",
        "osarch",
    ),
    *(
        "kernel",
        "kernelrelease",
        "kernelversion",
        "cpuarch",
        "nodename",
        "kernelparams",
        "num_cpus",
        "cpu_model",
        "cpu_flags",
    ),
    *(
        "mem_total",
        "swap_total",
        "virtual",
        "ip_interfaces",
        "ip4_interfaces",
        "ip6_interfaces",
        "hwaddr_interfaces",
        "ipv4",
        "ipv6",
    ),
    *(
        "ip_gw",
        "ip4_gw",
        "ip6_gw",
        "fqdn",
        "host",
        "domain",
        "localhost",
        "fqdn_ip4",
        "fqdn_ip6",
        "fqdns",
        "init",
        "path",
        "systempath",
        "shell",
        "ps",
        "pid",
    ),
    *(
        "pythonversion",
        "pythonpath",
        "pythonexecutable",
        "salternversion",
        "machine_id",
        "uid",
        "gid",
        "username",
        "groupname",
        "cwd",
    ),
    *("locale_info", "timezone", "disks", "ssds", "efi"),
)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_this_machine_has_the_core_set() -> None:
    found = grains.collect(LocalHost(), name="web1")
    assert found.errors == {}
    assert [name for name in CORE if name not in found.values] == []
    assert found.values["id"] == "web1"
    assert found.values["kernel"] == "Linux"
    assert found.values["pid"] == os.getpid()
    json.dumps(found.values)


def test_one_that_raises_and_one_that_hangs(gate: threading.Event) -> None:
    def raises(host: Host) -> dict[str, str]:
        raise RuntimeError("no luck")

    def hangs(host: Host) -> dict[str, str]:
        gate.wait(600)
        return {"late": "x"}

    collectors = [
        Collector("good", lambda host: {"good": (1, 2)}),
        Collector("raises", raises),
        Collector("hangs", hangs),
        Collector("text", lambda host: "x"),
        Collector("object", lambda host: {"object": object()}),
        Collector("last", lambda host: {"last": True}),
    ]
    start = time.monotonic()
    found = grains.collect(FakeHost(), own=collectors, patience=0.3)
    assert time.monotonic() - start < 60
    assert found.values == {"good": [1, 2], "last": True}
    assert sorted(found.errors) == ["hangs", "object", "raises", "text"]
    assert found.errors["raises"] == "RuntimeError: no luck"
    assert found.errors["hangs"] == "took longer than 0.3 s"
    assert "a collector returns a mapping" in found.errors["text"]


def test_a_later_source_wins(tmp_path: Path) -> None:
    names = ("built", "file", "settings", "custom")
    own = [Collector("b", lambda host: dict.fromkeys(names, "b"))]
    (tmp_path / "mine.py").write_text("def mine():\n    return {'custom': 'c', 'id': 'not me'}\n")
    host = FakeHost(files={"/etc/saltern/grains": "file: f\nsettings: f\ncustom: f\n"})
    found = grains.collect(
        host, own=own, name="web1", static={"settings": "s", "custom": "s"}, directories=[str(tmp_path)]
    )
    assert found.errors == {}
    assert found.values == {"built": "b", "file": "f", "settings": "s", "custom": "c", "id": "web1"}


def test_custom_collectors(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from os import getcwd\n"
        "def with_host(host):\n    return {'node': host.uname().node}\n"
        "def without():\n    return {'plain': 1}\n"
        "def _private():\n    return {'private': 1}\n"
    )
    (tmp_path / "b.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "c.py").write_text("def broken(:\n")
    found = grains.collect(FakeHost(), own=(), directories=[str(tmp_path)])
    assert found.values == {"node": "fake", "plain": 1}
    assert found.errors[str(tmp_path / "b.py")].startswith("ModuleNotFoundError: No module named")
    assert found.errors[str(tmp_path / "c.py")].startswith("SyntaxError")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "/etc/saltern/grains:2: not valid YAML"),
        ("- a\n", "/etc/saltern/grains: not a mapping of names to values"),
        ("5: x\n", "not a mapping of names"),
        ("a: !!python/object:os.system x\n", "/etc/saltern/grains:1: not valid YAML"),
    ],
)
def test_a_wrong_file_is_named_and_spoils_nothing(text: str, message: str) -> None:
    own = [Collector("good", lambda host: {"good": 1})]
    found = grains.collect(FakeHost(files={"/etc/saltern/grains": text}), own=own)
    assert found.values == {"good": 1}
    assert message in found.errors["/etc/saltern/grains"]


def test_a_host_that_has_nothing_still_has_grains() -> None:
    found = grains.collect(FakeHost(), name="bare")
    assert found.errors == {}
    assert found.values["os"] == "Linux"
    assert found.values["virtual"] == "physical"
