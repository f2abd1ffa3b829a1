"""Whether the machine is one: physical, virtual, or a container."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Command, Host, NotAllowed, NotFound

Facts = dict[str, Any]

#: What systemd-detect-virt says, and what is made of it.
_DETECTED: dict[str, Facts] = {
    "lxc": {"virtual": "container", "virtual_subtype": "LXC"},
    "lxc-libvirt": {"virtual": "container", "virtual_subtype": "LXC"},
    "docker": {"virtual": "container", "virtual_subtype": "Docker"},
    "podman": {"virtual": "container", "virtual_subtype": "Podman"},
    "amazon": {"virtual": "Nitro", "virtual_subtype": "Amazon EC2"},
    "vmware": {"virtual": "VMware"},
    "microsoft": {"virtual": "VirtualPC"},
    "parallels": {"virtual": "Parallels"},
    "google": {"virtual": "gce"},
    "openvz": {"virtual": "openvzve"},
    **{
        name: {"virtual": name}
        for name in ("qemu", "kvm", "oracle", "xen", "bochs", "chroot", "uml", "systemd-nspawn", "bhyve")
    },
}
#: What a product's or vendor's name in the firmware means, first match.
_PRODUCTS: tuple[tuple[str, Facts], ...] = (
    ("VirtualBox", {"virtual": "VirtualBox"}),
    ("RHEV Hypervisor", {"virtual": "kvm", "virtual_subtype": "rhev"}),
    ("oVirt Node", {"virtual": "kvm", "virtual_subtype": "ovirt"}),
    ("Google", {"virtual": "gce"}),
    ("BHYVE", {"virtual": "bhyve"}),
    ("VMware", {"virtual": "VMware"}),
    ("HVM domU", {"virtual": "xen", "virtual_subtype": "Xen HVM DomU"}),
    ("Amazon EC2", {"virtual": "Nitro", "virtual_subtype": "Amazon EC2"}),
    ("Parallels", {"virtual": "Parallels"}),
    ("AHV", {"virtual": "kvm", "virtual_subtype": "Nutanix AHV"}),
    ("QEMU", {"virtual": "kvm"}),
    ("KVM", {"virtual": "kvm"}),
    ("Bochs", {"virtual": "kvm"}),
)
#: What a line of /proc/1/cgroup means.
_GROUPS: tuple[tuple[str, Facts], ...] = (
    (":/lxc/", {"virtual": "container", "virtual_subtype": "LXC"}),
    (":/kubepods/", {"virtual_subtype": "kubernetes"}),
    (":/libpod_parent/", {"virtual_subtype": "libpod"}),
    (":/system.slice/docker", {"virtual": "container", "virtual_subtype": "Docker"}),
    (":/docker", {"virtual": "container", "virtual_subtype": "Docker"}),
)
#: What the environment of the first process means.
_CONTAINERS: tuple[tuple[str, Facts], ...] = (
    ("container=lxc", {"virtual": "container", "virtual_subtype": "LXC"}),
    ("container=podman", {"virtual": "container", "virtual_subtype": "Podman"}),
    ("container=docker", {"virtual": "container", "virtual_subtype": "Docker"}),
    ("container=systemd-nspawn", {"virtual": "systemd-nspawn"}),
)


def collect(host: Host) -> dict[str, Any]:
    """Return ``virtual`` (``physical``, ``kvm``, ``container`` …) and, where known, ``virtual_subtype``."""
    facts: Facts = {"virtual": "physical"}
    for evidence in (_firmware(host), _detected(host), _files(host), _first_process(host)):
        facts |= evidence
    if facts["virtual"] == "physical" and "virtual_subtype" in facts:
        facts["virtual"] = "virtual"
    return facts | _hypervisor(host)


def _detected(host: Host) -> Facts:
    """Ask systemd, which knows most; its silence (a code other than 0) means physical."""
    if host.which("systemd-detect-virt") is None:
        return {}
    done = host.execute(Command(argv=("systemd-detect-virt",), timeout=2.0))
    return _DETECTED.get(done.stdout.decode(errors="replace").strip(), {})


def _firmware(host: Host) -> Facts:
    names = ("product_name", "sys_vendor", "bios_vendor")
    text = " ".join(_quiet(host, f"/sys/class/dmi/id/{name}") for name in names)
    return _first_match(_PRODUCTS, text)


def _files(host: Host) -> Facts:
    if host.exists("/.dockerenv"):
        return {"virtual": "container", "virtual_subtype": "Docker"}
    if host.exists("/run/.containerenv"):
        return {"virtual": "container", "virtual_subtype": "Podman"}
    if host.exists("/proc/vz"):
        return {"virtual": "openvzhn" if host.exists("/proc/vz/version") else "openvzve"}
    if "QEMU Virtual CPU" in _quiet(host, "/proc/cpuinfo"):
        return {"virtual": "kvm"}
    return _xen(host)


def _xen(host: Host) -> Facts:
    if not host.exists("/proc/xen"):
        return {}
    controls = host.exists("/proc/xen/xsd_kva") or "control_d" in _quiet(host, "/proc/xen/capabilities")
    return {"virtual": "xen", "virtual_subtype": "Xen Dom0" if controls else "Xen PV DomU"}


def _first_process(host: Host) -> Facts:
    environment = _first_match(_CONTAINERS, _quiet(host, "/proc/1/environ"))
    return environment or _first_match(_GROUPS, _quiet(host, "/proc/1/cgroup"))


def _hypervisor(host: Host) -> Facts:
    """Return ``virtual_hv_version`` where the machine's hypervisor says it (Xen)."""
    version = [_quiet(host, f"/sys/hypervisor/version/{part}") for part in ("major", "minor", "extra")]
    return {"virtual_hv_version": f"{version[0]}.{version[1]}{version[2]}"} if version[0] else {}


def _first_match(table: tuple[tuple[str, Facts], ...], text: str) -> Facts:
    return next((facts for word, facts in table if word in text), {})


def _quiet(host: Host, path: str) -> str:
    """Return a file's text; nothing when it isn't there or is root's alone."""
    try:
        return host.text(path, "").strip("\n")
    except (NotAllowed, NotFound):
        return ""
