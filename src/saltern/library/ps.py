"""Processes, and the machine's use of processor, memory, disk and network by numbers."""

from __future__ import annotations

import re
from typing import Any

from saltern.library import _proc, disk
from saltern.library import status as machine
from saltern.library._proc import Process
from saltern.sdk import BadArgument, Host, NotFound

Numbers = dict[str, Any]


def top(host: Host, num_processes: int = 5, interval: float = 3) -> list[Numbers]:
    """Watch for ``interval`` seconds; return the busiest processes.

    Each is ``{pid, user, status, cmd, create_time, cpu, mem}``: times in seconds, memory in bytes.

    Example:
        saltern run '*' ps.top num_processes=3 interval=1
    """
    before = {one.pid: one for one in _proc.processes(host)}
    host.sleep(interval)
    after = [one for one in _proc.processes(host) if one.pid in before]
    after.sort(key=lambda one: _used(one) - _used(before[one.pid]), reverse=True)
    return [_shown(host, one) for one in after[:num_processes]]


def get_pid_list(host: Host) -> list[int]:
    """Return the ids of all processes, ascending.

    Example:
        saltern run '*' ps.get_pid_list
    """
    return _proc.pids(host)


def proc_info(host: Host, pid: int, attrs: list[str] | None = None) -> Numbers:
    """Return what is known of a process, or the attributes named.

    Raises NotFound; BadArgument for an attribute there is not.

    Example:
        saltern run '*' ps.proc_info 1 attrs='[name, status]'
    """
    found = _proc.process(host, pid, _proc.boot_time(host))
    if found is None:
        raise NotFound(f"no process {pid}")
    known = _attributes(host, found)
    for name in attrs or []:
        if name not in known:
            raise BadArgument(f"no attribute {name!r}", hint=f"there are {', '.join(known)}")
    return {name: known[name] for name in attrs or known}


def kill_pid(host: Host, pid: int, signal: int = 15) -> bool:
    """Send a signal to a process; return false when there is none.

    Example:
        saltern run '*' ps.kill_pid 2000 signal=9
    """
    try:
        host.signal(pid, signal)
    except NotFound:
        return False
    return True


def pkill(
    host: Host, pattern: str, user: str | None = None, signal: int = 15, full: bool = False
) -> dict[str, list[int]] | None:
    """Send a signal to processes as ``pgrep`` finds them; return ``{killed: [pid …]}``, null for none.

    Example:
        saltern run '*' ps.pkill httpd user=www signal=1
    """
    found = pgrep(host, pattern, user, full) or []
    killed = [pid for pid in found if kill_pid(host, pid, signal)]
    return {"killed": killed} if killed else None


def pgrep(
    host: Host, pattern: str, user: str | None = None, full: bool = False, pattern_is_regex: bool = False
) -> list[int] | None:
    """Return the ids of processes whose name holds a text (or matches a pattern); null for none.

    ``full`` looks at the whole command line, ``user`` at one user's processes only.

    Example:
        saltern run '*' ps.pgrep httpd full=True
    """
    try:
        wanted = re.compile(pattern if pattern_is_regex else re.escape(pattern))
    except re.error as error:
        raise BadArgument(f"pattern = {pattern!r}: {error}") from None
    uid = host.user(user).uid if user is not None else None
    found = [
        one.pid
        for one in _proc.processes(host)
        if wanted.search(" ".join(one.command) if full else one.name) and uid in (None, one.uid)
    ]
    return found or None


def psaux(host: Host, name: str) -> list[Any]:
    """Return ``[name, lines, count]`` for the processes whose command line holds a text.

    Example:
        saltern run '*' ps.psaux www-data
    """
    lines = [
        f"{_proc.user_name(host, one.uid)} {one.pid} {one.state} {' '.join(one.command)}"
        for one in _proc.processes(host)
        if name in " ".join(one.command)
    ]
    return [name, lines, f"{len(lines)} occurrence(s)."]


def status(host: Host, status: str) -> list[Numbers]:
    """Return ``{pid, name}`` of the processes in a state: running, sleeping, zombie, stopped.

    Example:
        saltern run '*' ps.status zombie
    """
    return [{"pid": one.pid, "name": one.name} for one in _proc.processes(host) if one.state == status]


def cpu_percent(host: Host, interval: float = 0.1, per_cpu: bool = False) -> float | list[float]:
    """Return how busy the processors are, in percent, together or each.

    Example:
        saltern run '*' ps.cpu_percent interval=1 per_cpu=True
    """
    together, *each = _proc.busy(host, interval)
    return each if per_cpu else together


def cpu_times(host: Host, per_cpu: bool = False) -> Numbers | list[Numbers]:
    """Return the seconds the processors spent since boot, together or each: ``{user, system, idle, …}``.

    Example:
        saltern run '*' ps.cpu_times
    """
    times = [
        {key: ticks / _proc.TICKS for key, ticks in zip(_proc.CPU_FIELDS, numbers, strict=False)}
        for numbers in _proc.cpu_lines(host)
    ]
    return times[1:] if per_cpu else times[0]


def virtual_memory(host: Host) -> Numbers:
    """Return the memory in bytes: ``{total, available, percent, used, free, active, inactive, …}``.

    Example:
        saltern run '*' ps.virtual_memory
    """
    now = {key: value * 1024 for key, value in _proc.memory(host).items()}
    total = now["MemTotal"]
    cached = now["Cached"] + now.get("SReclaimable", 0)
    available = now.get("MemAvailable", now["MemFree"] + cached)
    return {
        "total": total,
        "available": available,
        "percent": _proc.percent(total - available, total),
        "used": total - available,
        "free": now["MemFree"],
        "active": now.get("Active", 0),
        "inactive": now.get("Inactive", 0),
        "buffers": now.get("Buffers", 0),
        "cached": cached,
        "shared": now.get("Shmem", 0),
        "slab": now.get("Slab", 0),
    }


def swap_memory(host: Host) -> Numbers:
    """Return the swap in bytes: ``{total, used, free, percent, sin, sout}``.

    Example:
        saltern run '*' ps.swap_memory
    """
    now, moved = _proc.memory(host), machine.vmstats(host)
    total, free = now["SwapTotal"] * 1024, now["SwapFree"] * 1024
    used = total - free
    return {
        "total": total,
        "used": used,
        "free": free,
        "percent": _proc.percent(used, total),
        "sin": moved.get("pswpin", 0) * 4096,
        "sout": moved.get("pswpout", 0) * 4096,
    }


def total_physical_memory(host: Host) -> int:
    """Return the memory's size in bytes.

    Example:
        saltern run '*' ps.total_physical_memory
    """
    return _proc.memory(host)["MemTotal"] * 1024


def num_cpus(host: Host) -> int:
    """Return how many processors there are.

    Example:
        saltern run '*' ps.num_cpus
    """
    return machine.nproc(host)


def boot_time(host: Host, time_format: str | None = None) -> int | str:
    """Return when the machine was started: seconds since the epoch, or as strftime(3) writes it.

    Example:
        saltern run '*' ps.boot_time '%Y-%m-%d %H:%M'
    """
    import time

    started = _proc.boot_time(host)
    return started if time_format is None else time.strftime(time_format, time.localtime(started))


def disk_partitions(host: Host, all: bool = False) -> list[Numbers]:
    """Return ``{device, mountpoint, fstype, opts}`` of file systems on devices, or of all.

    Example:
        saltern run '*' ps.disk_partitions
    """
    return [
        {"device": one.device, "mountpoint": one.directory, "fstype": one.kind, "opts": one.options}
        for one in disk.mounts(host)
        if all or one.device.startswith("/dev/")
    ]


def disk_usage(host: Host, path: str) -> Numbers:
    """Return ``{total, used, free, percent}`` in bytes of the file system a path lies on.

    Example:
        saltern run '*' ps.disk_usage /home
    """
    line = host.run("df", "-kP", path, timeout=disk.PATIENCE).splitlines()[-1]
    total, used, free = (int(word) * 1024 for word in line.split()[1:4])
    return {"total": total, "used": used, "free": free, "percent": _proc.percent(used, used + free)}


def disk_partition_usage(host: Host, all: bool = False) -> list[Numbers]:
    """Return file systems with their use: ``disk_partitions`` and ``disk_usage`` in one.

    Example:
        saltern run '*' ps.disk_partition_usage
    """
    return [one | disk_usage(host, one["mountpoint"]) for one in disk_partitions(host, all)]


def disk_io_counters(host: Host, device: str | None = None) -> Numbers | bool:
    """Return the counters of all disks together, or of one; false when there is none of that name.

    Example:
        saltern run '*' ps.disk_io_counters device=sda
    """
    known = _proc.disks(host)
    if device is not None and device not in known:
        return False
    names = [device] if device else [name for name in known if host.exists(f"/sys/block/{name}")]
    total = {key: sum(known[name][key] for name in names) for key in _proc.DISK_FIELDS}
    return {
        "read_count": total["reads_issued"],
        "write_count": total["writes_completed"],
        "read_bytes": total["sectors_read"] * 512,
        "write_bytes": total["sectors_written"] * 512,
        "read_time": total["ms_spent_reading"],
        "write_time": total["ms_spent_writing"],
        "read_merged_count": total["reads_merged"],
        "write_merged_count": total["writes_merged"],
        "busy_time": total["ms_spent_in_io"],
    }


_NET_NAMES = {
    "bytes_sent": "tx_bytes",
    "bytes_recv": "rx_bytes",
    "packets_sent": "tx_packets",
    "packets_recv": "rx_packets",
    "errin": "rx_errs",
    "errout": "tx_errs",
    "dropin": "rx_drop",
    "dropout": "tx_drop",
}


def network_io_counters(host: Host, interface: str | None = None) -> Numbers | bool:
    """Return the counters of all interfaces together, or of one; false when there is none of that name.

    Example:
        saltern run '*' ps.network_io_counters interface=eth0
    """
    known = _proc.network(host)
    if interface is not None and interface not in known:
        return False
    chosen = [known[interface]] if interface else list(known.values())
    return {name: sum(one[key] for one in chosen) for name, key in _NET_NAMES.items()}


def get_users(host: Host) -> list[dict[str, str]]:
    """Return who is logged in, as status.w does.

    Example:
        saltern run '*' ps.get_users
    """
    return machine.w(host)


def _used(one: Process) -> float:
    return one.user + one.system


def _shown(host: Host, one: Process) -> Numbers:
    return {
        "cmd": list(one.command) or one.name,
        "user": _proc.user_name(host, one.uid),
        "status": one.state,
        "pid": one.pid,
        "create_time": one.created,
        "cpu": {
            "user": one.user,
            "system": one.system,
            "children_user": one.children_user,
            "children_system": one.children_system,
        },
        "mem": one.memory,
    }


def _attributes(host: Host, one: Process) -> Numbers:
    return {
        "pid": one.pid,
        "ppid": one.parent,
        "name": one.name,
        "cmdline": list(one.command),
        "username": _proc.user_name(host, one.uid),
        "status": one.state,
        "create_time": one.created,
        "num_threads": one.threads,
        "cpu_times": [one.user, one.system, one.children_user, one.children_system],
        "memory_info": one.memory,
        "cwd": _link(host, one.pid, "cwd"),
        "exe": _link(host, one.pid, "exe"),
    }


def _link(host: Host, pid: int, name: str) -> str | None:
    from saltern.sdk import NotAllowed

    try:
        found = host.stat(f"/proc/{pid}/{name}", follow=False)
    except NotAllowed:
        return None
    return found.target if found else None
