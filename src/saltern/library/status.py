"""How the machine is doing: load, memory, disks, network, processes.

Numbers come from the kernel's own tables, under the names they have there.
"""

from __future__ import annotations

from typing import Any

from saltern.library import _proc, disk
from saltern.sdk import Host, NotSupported


def loadavg(host: Host) -> dict[str, float]:
    """Return the load over 1, 5 and 15 minutes: ``{1-min, 5-min, 15-min}``.

    Example:
        saltern run '*' status.loadavg
    """
    numbers = host.text("/proc/loadavg").split()[:3]
    return dict(zip(("1-min", "5-min", "15-min"), map(float, numbers), strict=True))


def cpuinfo(host: Host) -> dict[str, Any]:
    """Return what the kernel says of the last processor; ``flags`` is a list.

    Example:
        saltern run '*' status.cpuinfo
    """
    found: dict[str, Any] = {}
    for line in host.text("/proc/cpuinfo").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            key = key.strip()
            found[key] = value.split() if key in ("flags", "Features") else value.strip()
    return found


def cpustats(host: Host) -> dict[str, Any]:
    """Return what the processors did since boot, in clock ticks, and the counts of interrupts and switches.

    Example:
        saltern run '*' status.cpustats
    """
    found: dict[str, Any] = {}
    for name, numbers in _proc.cpu(host).items():
        if name.startswith("cpu"):
            found[name] = dict(zip(_proc.CPU_FIELDS, numbers, strict=False))
        elif name in ("intr", "softirq"):
            key = "irqs" if name == "intr" else "softirqs"
            found[name] = {"total": numbers[0], key: numbers[1:]}
        else:
            found[name] = numbers[0]
    return found


def cpuload(host: Host) -> float:
    """Return how busy the processors are, in percent, measured over a tenth of a second.

    Example:
        saltern run '*' status.cpuload
    """
    return _proc.busy(host, 0.1)[0]


def meminfo(host: Host) -> dict[str, dict[str, str]]:
    """Return the memory's use by name: ``{value, unit}``.

    Example:
        saltern run '*' status.meminfo
    """
    found = {}
    for line in host.text("/proc/meminfo").splitlines():
        name, value, *unit = line.replace(":", " ", 1).split()
        found[name] = {"value": value, **({"unit": unit[0]} if unit else {})}
    return found


def diskstats(host: Host) -> dict[str, dict[str, Any]]:
    """Return each block device's counters since boot.

    Example:
        saltern run '*' status.diskstats
    """
    return {
        name: {"major": one.pop("major"), "minor": one.pop("minor"), "device": name, **one}
        for name, one in _proc.disks(host).items()
    }


def diskusage(host: Host, *args: str) -> dict[str, dict[str, int]]:
    """Return ``{available, total}`` in bytes by mount point: all, or those with a path or kind given.

    Example:
        saltern run '*' status.diskusage / ext4
    """
    kinds = {mount.directory: mount.kind for mount in disk.mounts(host)}
    return {
        directory: {"available": int(one["available"]) * 1024, "total": int(one["1K-blocks"]) * 1024}
        for directory, one in disk.usage(host).items()
        if not args or directory in args or kinds.get(directory) in args
    }


def vmstats(host: Host) -> dict[str, int]:
    """Return the virtual memory's counters.

    Example:
        saltern run '*' status.vmstats
    """
    lines = (line.split() for line in host.text("/proc/vmstat").splitlines())
    return {words[0]: int(words[1]) for words in lines}


def nproc(host: Host) -> int:
    """Return how many processors there are.

    Example:
        saltern run '*' status.nproc
    """
    return sum(name.startswith("cpu") and name != "cpu" for name in _proc.cpu(host))


def netstats(host: Host) -> dict[str, dict[str, int]]:
    """Return the protocols' counters by group: ``{TcpExt: {…}, IpExt: {…}}``.

    Example:
        saltern run '*' status.netstats
    """
    lines = host.text("/proc/net/netstat").splitlines()
    found = {}
    for names, numbers in zip(lines[::2], lines[1::2], strict=True):
        group, _, keys = names.partition(":")
        values = map(int, numbers.partition(":")[2].split())
        found[group] = dict(zip(keys.split(), values, strict=True))
    return found


def netdev(host: Host) -> dict[str, dict[str, Any]]:
    """Return each network interface's counters.

    Example:
        saltern run '*' status.netdev
    """
    return {name: {"iface": name, **counters} for name, counters in _proc.network(host).items()}


def uptime(host: Host) -> dict[str, Any]:
    """Return since when the machine is up: ``{seconds, since_iso, since_t, days, time, users}``.

    Example:
        saltern run '*' status.uptime
    """
    from datetime import UTC, datetime

    seconds = int(float(host.text("/proc/uptime").split()[0]))
    since = int(host.now()) - seconds
    days, rest = divmod(seconds, 86400)
    return {
        "seconds": seconds,
        "since_iso": datetime.fromtimestamp(since, UTC).replace(tzinfo=None).isoformat(),
        "since_t": since,
        "days": days,
        "time": f"{rest // 3600}:{rest % 3600 // 60:02}",
        "users": len({one["user"] for one in w(host)}),
    }


def w(host: Host) -> list[dict[str, str]]:
    """Return who is logged in: ``{user, tty, login}`` each, and ``from`` for those who come over the network.

    Example:
        saltern run '*' status.w
    """
    if host.which("who") is None:
        raise NotSupported("the program 'who' is not on this host")
    return [_login(line) for line in host.run("who").splitlines() if line.split()]


def _login(line: str) -> dict[str, str]:
    """Take apart ``name line YYYY-MM-DD HH:MM (from)``."""
    user, terminal, day, hour, *rest = line.split()
    found = {"user": user, "tty": terminal, "login": f"{day} {hour}"}
    return found | {"from": rest[-1].strip("()")} if rest else found


def procs(host: Host) -> dict[str, dict[str, str]]:
    """Return all processes by their ids: ``{user, cmd}``.

    Example:
        saltern run '*' status.procs
    """
    return {
        str(one.pid): {
            "user": _proc.user_name(host, one.uid),
            "cmd": " ".join(one.command) or f"[{one.name}]",
        }
        for one in _proc.processes(host)
    }


def pid(host: Host, sig: str) -> str:
    """Return the ids, a line each, of processes whose command line holds a text, without the agent's own.

    Example:
        saltern run '*' status.pid sshd
    """
    import os

    found = [one for one in _proc.processes(host) if sig in (" ".join(one.command) or one.name)]
    return "\n".join(str(one.pid) for one in found if one.pid != os.getpid())


def version(host: Host) -> str:
    """Return the kernel's version line.

    Example:
        saltern run '*' status.version
    """
    return host.text("/proc/version").strip()


def time_(host: Host, format: str = "%A, %d. %B %Y %I:%M%p") -> str:
    """Return the host's local time, as strftime(3) writes it.

    Example:
        saltern run '*' status.time '%s'
    """
    import time

    return time.strftime(format, time.localtime(host.now()))


def all_status(host: Host) -> dict[str, Any]:
    """Return all the tables of this noun by name.

    Example:
        saltern run '*' status.all_status
    """
    return {
        "cpuinfo": cpuinfo(host),
        "cpustats": cpustats(host),
        "diskstats": diskstats(host),
        "diskusage": diskusage(host),
        "loadavg": loadavg(host),
        "meminfo": meminfo(host),
        "netdev": netdev(host),
        "netstats": netstats(host),
        "uptime": uptime(host),
        "vmstats": vmstats(host),
        "w": w(host),
    }
