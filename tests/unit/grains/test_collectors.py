"""Each collector against worlds whose grains are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saltern.grains.collectors import (
    addresses,
    disks,
    gateways,
    hardware,
    kernel,
    locale,
    memory,
    names,
    processor,
    resolver,
    selinux,
    startup,
    system,
    virtual,
)
from saltern.sdk import Uname
from saltern.testing.host import FakeHost, interface


def system_host(release: str, **world: Any) -> FakeHost:
    """Return a host of a distribution, by its os-release file and what else a test says."""
    text = (Path(__file__).parent / "os-release" / release).read_text()
    return FakeHost(files={"/etc/os-release": text, **world.pop("files", {})}, **world)


@pytest.mark.parametrize(
    ("release", "name", "family", "finger", "number", "major", "codename"),
    [
        ("debian", "Debian", "Debian", "Debian-12", "12", 12, "bookworm"),
        ("ubuntu", "Ubuntu", "Debian", "Ubuntu-24.04", "24.04", 24, "noble"),
        ("rocky", "Rocky", "RedHat", "Rocky Linux-9", "9.4", 9, "Blue Onyx"),
        ("alma", "AlmaLinux", "RedHat", "AlmaLinux-8", "8.10", 8, "Cerulean Leopard"),
        ("centos", "CentOS", "RedHat", "CentOS Linux-7", "7.9.2009", 7, "CentOS Linux 7 (Core)"),
        ("stream", "CentOS Stream", "RedHat", "CentOS Stream-9", "9", 9, "CentOS Stream 9"),
        ("rhel", "RedHat", "RedHat", "Red Hat Enterprise Linux-9", "9.4", 9, "Plow"),
        ("fedora", "Fedora", "RedHat", "Fedora Linux-40", "40", 40, "Server Edition"),
        ("amazon", "Amazon", "RedHat", "Amazon Linux-2023", "2023", 2023, None),
        ("leap", "SUSE", "Suse", "Leap-15", "15.6", 15, "openSUSE Leap 15.6"),
        ("arch", "Arch", "Arch", None, None, None, "Arch Linux"),
        ("alpine", "Alpine", "Alpine", "Alpine Linux-3", "3.20.1", 3, "Alpine Linux v3.20"),
        ("raspbian", "Raspbian", "Debian", "Raspbian-12", "12", 12, "bookworm"),
    ],
)
def test_distributions(
    release: str,
    name: str,
    family: str,
    finger: str | None,
    number: str | None,
    major: int | None,
    codename: str | None,
) -> None:
    centos = {"/etc/centos-release": "CentOS Linux release 7.9.2009 (Core)\n"}
    found = system.collect(system_host(release, files=centos))
    assert (found["os"], found["os_family"]) == (name, family)
    assert found.get("osfinger") == finger
    assert found.get("osrelease") == number
    assert found.get("osmajorrelease") == major
    assert found.get("oscodename") == codename


def test_package_architecture() -> None:
    debian = system_host("debian", programs={"dpkg --print-architecture": "amd64\n"})
    rocky = system_host("rocky", programs={"rpm --eval '%{_host_cpu}'": "x86_64\n"})
    assert system.collect(debian)["osarch"] == "amd64"
    assert system.collect(rocky)["osarch"] == "x86_64"
    assert system.collect(system_host("alpine"))["osarch"] == "x86_64"


def test_lsb() -> None:
    lsb = 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\nDISTRIB_DESCRIPTION="Ubuntu 24.04"\n'
    found = system.collect(system_host("ubuntu", files={"/etc/lsb-release": lsb}))
    assert found["lsb_distrib_description"] == "Ubuntu 24.04"
    assert system.collect(system_host("debian"))["lsb_distrib_id"] == "Debian GNU/Linux"


def test_kernel() -> None:
    uname = Uname(system="Linux", node="web1", release="6.1", version="#1", machine="aarch64")
    host = FakeHost(uname=uname, files={"/proc/cmdline": 'root=/dev/sda1 quiet x="a b" y=\n'})
    assert kernel.collect(host) == {
        "kernel": "Linux",
        "nodename": "web1",
        "kernelrelease": "6.1",
        "kernelversion": "#1",
        "cpuarch": "aarch64",
        "kernelparams": [("root", "/dev/sda1"), ("quiet", None), ("x", "a b"), ("y", "")],
    }
    assert kernel.collect(FakeHost(files={"/proc/cmdline": "it's\n"}))["kernelparams"] == [("it's", None)]


@pytest.mark.parametrize(
    ("text", "count", "model", "flags"),
    [
        (
            "processor\t: 0\nvendor_id\t: A\nmodel name\t: AMD X\nflags\t\t: fpu vme\n" * 2,
            2,
            "AMD X",
            ["fpu", "vme"],
        ),
        ("processor : 0\nFeatures : swp half\n", 1, "Unknown", ["swp", "half"]),
        ("Processor : ARMv6-compatible\nFeatures : swp\n", 1, "ARMv6", ["swp"]),
        ("vendor_id : IBM/S390\n# processors : 2\n", 2, "IBM/S390", []),
        ("processor : 0\ncpu : POWER9 (architected)\n", 1, "POWER9 (architected)", []),
        ("", 0, "Unknown", []),
    ],
)
def test_processor(text: str, count: int, model: str, flags: list[str]) -> None:
    found = processor.collect(FakeHost(files={"/proc/cpuinfo": text}))
    assert found == {"num_cpus": count, "cpu_model": model, "cpu_flags": flags}


def test_memory() -> None:
    host = FakeHost(files={"/proc/meminfo": "MemTotal: 2097152 kB\nMemFree: 1 kB\nSwapTotal: 1024 kB\n"})
    assert memory.collect(host) == {"mem_total": 2048, "swap_total": 1}


def test_addresses() -> None:
    host = FakeHost(
        interfaces=[
            interface("lo", "127.0.0.1/8", "::1/128", hardware="00:00:00:00:00:00"),
            interface("eth0", "192.0.2.2/24", "10.0.0.1/8", "fe80::1/64", hardware="02:00:00:00:00:01"),
            interface("tun0"),
        ]
    )
    assert addresses.collect(host) == {
        "ip_interfaces": {
            "lo": ["127.0.0.1", "::1"],
            "eth0": ["192.0.2.2", "10.0.0.1", "fe80::1"],
            "tun0": [],
        },
        "ip4_interfaces": {"lo": ["127.0.0.1"], "eth0": ["192.0.2.2", "10.0.0.1"], "tun0": []},
        "ip6_interfaces": {"lo": ["::1"], "eth0": ["fe80::1"], "tun0": []},
        "hwaddr_interfaces": {"lo": "00:00:00:00:00:00", "eth0": "02:00:00:00:00:01"},
        "ipv4": ["10.0.0.1", "127.0.0.1", "192.0.2.2"],
        "ipv6": ["::1", "fe80::1"],
    }


def test_gateways() -> None:
    head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    far = "eth1\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    near = "eth0\t00000000\t0100000A\t0003\t0\t0\t5\t00000000\t0\t0\t0\n"
    direct = "ppp0\t00000000\t00000000\t0001\t0\t0\t1\t00000000\t0\t0\t0\n"
    assert gateways.collect(FakeHost()) == {"ip_gw": False, "ip4_gw": False, "ip6_gw": False}
    found = gateways.collect(FakeHost(files={"/proc/net/route": head + far + near}))
    assert found == {"ip_gw": True, "ip4_gw": "10.0.0.1", "ip6_gw": False}
    assert gateways.collect(FakeHost(files={"/proc/net/route": head + direct}))["ip4_gw"] is True


def test_resolver() -> None:
    text = (
        "# c\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver x\n"
        "search a b\noptions ndots:2 rotate ; c\n"
    )
    assert resolver.collect(FakeHost(files={"/etc/resolv.conf": text})) == {
        "dns": {
            "nameservers": ["192.0.2.1", "fe80::1%eth0"],
            "ip4_nameservers": ["192.0.2.1"],
            "ip6_nameservers": ["fe80::1%eth0"],
            "sortlist": [],
            "domain": "",
            "search": ["a", "b"],
            "options": ["ndots:2", "rotate"],
        }
    }
    assert resolver.collect(FakeHost()) == {}


@pytest.mark.parametrize(
    ("hosts", "asked", "fqdn", "domain", "addresses"),
    [
        ("127.0.1.1 web1.example.com web1\n", None, "web1.example.com", "example.com", ["127.0.1.1"]),
        ("127.0.0.1 localhost web1\n", None, "web1", "", ["127.0.0.1"]),
        ("127.0.0.1 localhost web1 web1.b.c\n", None, "web1.b.c", "b.c", ["127.0.0.1"]),
        (
            "",
            "192.0.2.2 STREAM web1.example.com\n192.0.2.2 DGRAM\n",
            "web1.example.com",
            "example.com",
            ["192.0.2.2"],
        ),
        ("# 127.0.0.1 web1\n", {"retcode": 2}, "web1", "", []),
        ("", {"takes": 60.0}, "web1", "", []),
    ],
)
def test_own_names(hosts: str, asked: Any, fqdn: str, domain: str, addresses: list[str]) -> None:
    programs = {} if asked is None else {"getent ahosts web1": asked}
    uname = Uname(system="Linux", node="web1", release="6.1", version="#1", machine="x86_64")
    host = FakeHost(files={"/etc/hosts": hosts}, programs=programs, uname=uname)
    found = names.collect(host)
    assert (found["fqdn"], found["host"], found["domain"]) == (fqdn, "web1", domain)
    assert found["fqdn_ip4"] == addresses
    assert host.now() - 1_700_000_000 <= names.PATIENCE
    host.check()


def test_names_of_addresses() -> None:
    host = FakeHost(
        files={"/etc/hosts": "127.0.0.1 localhost.local fake\n192.0.2.2 fake.example.com short\n"},
        interfaces=[interface("lo", "127.0.0.1/8"), interface("eth0", "192.0.2.2/24")],
    )
    assert names.collect(host)["fqdns"] == ["fake.example.com"]


@pytest.mark.parametrize(
    ("files", "init"),
    [
        ({"/run/systemd/system/x": "", "/proc/1/cmdline": "/sbin/init\0"}, "systemd"),
        ({"/proc/1/cmdline": "/sbin/init\0", "/sbin/init": "… SysVinit 3 …"}, "sysvinit"),
        ({"/proc/1/cmdline": "/sbin/init\0", "/sbin/init": "busybox", "/run/openrc/softlevel": ""}, "openrc"),
        ({"/proc/1/cmdline": "/usr/bin/tini\0--\0x\0"}, "tini"),
        ({"/proc/1/cmdline": "runit\0"}, "runit"),
        ({"/proc/1/cmdline": "/bin/app\0"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_init(files: dict[str, str], init: str) -> None:
    assert startup.collect(FakeHost(files=files)) == {"init": init}


def test_systemd() -> None:
    host = FakeHost(programs={"systemctl --version": "systemd 252 (252.1)\n+PAM +AUDIT\n"})
    assert startup.collect(host)["systemd"] == {"version": "252", "features": "+PAM +AUDIT"}


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        ({}, {"virtual": "physical"}),
        ({"programs": {"systemd-detect-virt": {"stdout": "none\n", "retcode": 1}}}, {"virtual": "physical"}),
        ({"programs": {"systemd-detect-virt": "kvm\n"}}, {"virtual": "kvm"}),
        (
            {"programs": {"systemd-detect-virt": "lxc\n"}},
            {"virtual": "container", "virtual_subtype": "LXC"},
        ),
        ({"files": {"/.dockerenv": ""}}, {"virtual": "container", "virtual_subtype": "Docker"}),
        (
            {"files": {"/proc/1/environ": "a=b\0container=podman\0"}},
            {"virtual": "container", "virtual_subtype": "Podman"},
        ),
        ({"files": {"/proc/1/environ": "container=systemd-nspawn\0"}}, {"virtual": "systemd-nspawn"}),
        (
            {"files": {"/proc/1/environ": {"content": "container=lxc", "forbidden": True}}},
            {"virtual": "physical"},
        ),
        (
            {"files": {"/proc/1/cgroup": "1:name=systemd:/kubepods/x\n"}},
            {"virtual": "virtual", "virtual_subtype": "kubernetes"},
        ),
        ({"files": {"/sys/class/dmi/id/product_name": "VirtualBox\n"}}, {"virtual": "VirtualBox"}),
        ({"files": {"/sys/class/dmi/id/sys_vendor": "QEMU\n"}}, {"virtual": "kvm"}),
        (
            {"files": {"/proc/xen/capabilities": "control_d\n"}},
            {"virtual": "xen", "virtual_subtype": "Xen Dom0"},
        ),
        ({"files": {"/proc/vz/veinfo": ""}}, {"virtual": "openvzve"}),
        ({"files": {"/proc/cpuinfo": "model name : QEMU Virtual CPU\n"}}, {"virtual": "kvm"}),
    ],
)
def test_virtual(world: dict[str, Any], expected: dict[str, str]) -> None:
    assert virtual.collect(FakeHost(**world)) == expected


def test_hardware() -> None:
    files = {
        "/etc/machine-id": "abc\n",
        "/sys/class/dmi/id/product_uuid": "ABCD\n",
        "/sys/class/dmi/id/sys_vendor": "Acme\n",
        "/sys/class/dmi/id/product_serial": {"content": "1", "forbidden": True},
        "/sys/firmware/efi/x": "",
    }
    expected = {"machine_id": "abc", "uuid": "abcd", "manufacturer": "Acme", "efi": True}
    assert hardware.collect(FakeHost(files=files)) == expected


def test_disks() -> None:
    files = {
        "/sys/devices/pci/block/sda/queue/rotational": "1\n",
        "/sys/devices/pci/block/nvme0n1/queue/rotational": "0\n",
        "/sys/devices/virtual/block/loop0/queue/rotational": "1\n",
        "/sys/block/sda": {"link": "../devices/pci/block/sda"},
        "/sys/block/nvme0n1": {"link": "../devices/pci/block/nvme0n1"},
        "/sys/block/loop0": {"link": "../devices/virtual/block/loop0"},
    }
    assert disks.collect(FakeHost(files=files)) == {"disks": ["sda"], "ssds": ["nvme0n1"]}
    assert disks.collect(FakeHost()) == {"disks": [], "ssds": []}


def test_selinux() -> None:
    on = FakeHost(files={"/sys/fs/selinux/enforce": "1"})
    off = FakeHost(programs={"getenforce": "Disabled\n"})
    assert selinux.collect(on) == {"selinux": {"enabled": True, "enforced": "Enforcing"}}
    assert selinux.collect(off) == {"selinux": {"enabled": False, "enforced": "Disabled"}}
    assert selinux.collect(FakeHost()) == {}


def test_time_zone() -> None:
    linked = FakeHost(files={"/etc/localtime": {"link": "../usr/share/zoneinfo/Europe/Berlin"}})
    written = FakeHost(files={"/etc/timezone": "America/Lima\n"})
    assert locale.collect(linked)["timezone"] == "Europe/Berlin"
    assert locale.collect(written)["timezone"] == "America/Lima"
