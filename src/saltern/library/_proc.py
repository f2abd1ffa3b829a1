"""The kernel's own tables, for the nouns that show them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from saltern.sdk import Host, NotAllowed, NotFound

#: Clock ticks a second: what the kernel counts processor time in, the same on every Linux.
TICKS = 100
#: /proc/stat's columns.
CPU_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
#: /proc/diskstats' columns after the device's name.
DISK_FIELDS = (
    *("reads_issued", "reads_merged", "sectors_read", "ms_spent_reading"),
    *("writes_completed", "writes_merged", "sectors_written", "ms_spent_writing"),
    *("io_in_progress", "ms_spent_in_io", "weighted_ms_spent_in_io"),
)
#: /proc/net/dev's columns.
NET_FIELDS = (
    *("rx_bytes", "rx_packets", "rx_errs", "rx_drop", "rx_fifo", "rx_frame", "rx_compressed", "rx_multicast"),
    *("tx_bytes", "tx_packets", "tx_errs", "tx_drop", "tx_fifo", "tx_colls", "tx_carrier", "tx_compressed"),
)
_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk-sleep",
    "T": "stopped",
    "t": "tracing-stop",
    "Z": "zombie",
    "X": "dead",
    "I": "idle",
    "P": "parked",
}


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process. Times are seconds, ``created`` since the epoch, memory bytes."""

    pid: int
    parent: int
    name: str
    state: str
    uid: int
    command: tuple[str, ...]
    user: float
    system: float
    children_user: float
    children_system: float
    created: float
    threads: int
    memory: dict[str, int]


def memory(host: Host) -> dict[str, int]:
    """Return /proc/meminfo's numbers as they stand there, most in KiB."""
    lines = (line.split() for line in host.text("/proc/meminfo").splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1}


def cpu(host: Host) -> dict[str, list[int]]:
    """Return /proc/stat's numbers by the lines' names."""
    lines = (line.split() for line in host.text("/proc/stat").splitlines())
    return {words[0]: [int(word) for word in words[1:]] for words in lines if words}


def cpu_lines(host: Host) -> list[list[int]]:
    """Return the ticks of all processors together, then of each."""
    return [numbers for name, numbers in cpu(host).items() if name.startswith("cpu")]


def busy(host: Host, interval: float) -> list[float]:
    """Watch for ``interval`` seconds; return how busy all processors were, then each, in percent."""
    before = cpu_lines(host)
    host.sleep(interval)
    return [_share(old, new) for old, new in zip(before, cpu_lines(host), strict=True)]


def _share(old: list[int], new: list[int]) -> float:
    """Return the part of the ticks, in percent, that were not idle or waiting."""
    change = [after - before for before, after in zip(old, new, strict=True)][:8]
    return percent(sum(change) - change[3] - change[4], sum(change))


def percent(part: float, whole: float) -> float:
    """Return a part in percent of the whole, to one place; 0 of nothing."""
    return round(100 * part / whole, 1) if whole else 0.0


def disks(host: Host) -> dict[str, dict[str, int]]:
    """Return the counters of each block device, with ``major`` and ``minor``."""
    found = {}
    for line in host.text("/proc/diskstats").splitlines():
        major, minor, name, *counters = line.split()
        numbers = zip(DISK_FIELDS, map(int, counters), strict=False)  # newer kernels have more
        found[name] = {"major": int(major), "minor": int(minor), **dict(numbers)}
    return found


def network(host: Host) -> dict[str, dict[str, int]]:
    """Return the counters of each network interface."""
    found = {}
    for line in host.text("/proc/net/dev").splitlines()[2:]:
        name, _, counters = line.partition(":")
        found[name.strip()] = dict(zip(NET_FIELDS, map(int, counters.split()), strict=True))
    return found


def boot_time(host: Host) -> int:
    """Return when the kernel was started: seconds since the epoch."""
    return cpu(host)["btime"][0]


def pids(host: Host) -> list[int]:
    """Return the ids of all processes, ascending."""
    return sorted(int(name) for name in host.list_directory("/proc") if name.isdigit())


def processes(host: Host) -> Iterator[Process]:
    """Yield all processes; those that end meanwhile are left out."""
    booted = boot_time(host)
    for pid in pids(host):
        found = process(host, pid, booted)
        if found is not None:
            yield found


def process(host: Host, pid: int, booted: int) -> Process | None:
    """Return one process; None when there is none, or when it ended while it was looked at."""
    try:
        stat = host.text(f"/proc/{pid}/stat")
        status = _status(host.text(f"/proc/{pid}/status"))
        command = host.text(f"/proc/{pid}/cmdline")
    except (NotFound, NotAllowed):
        return None
    name = stat[stat.index("(") + 1 : stat.rindex(")")]
    fields = stat[stat.rindex(")") + 2 :].split()
    times = [int(ticks) / TICKS for ticks in fields[11:15]]
    return Process(
        pid=pid,
        parent=int(fields[1]),
        name=name,
        state=_STATES.get(fields[0], fields[0]),
        uid=int(status.get("Uid", "0").split()[0]),
        command=tuple(command.rstrip("\0").split("\0")) if command else (),
        user=times[0],
        system=times[1],
        children_user=times[2],
        children_system=times[3],
        created=booted + int(fields[19]) / TICKS,
        threads=int(fields[17]),
        memory={key: _bytes(status, name) for key, name in _MEMORY.items()},
    )


_MEMORY = {"rss": "VmRSS", "vms": "VmSize", "text": "VmExe", "lib": "VmLib", "data": "VmData"}


def _status(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, _, value in pairs}


def _bytes(status: dict[str, str], name: str) -> int:
    words = status.get(name, "").split()
    return int(words[0]) * 1024 if words else 0


def user_name(host: Host, uid: int) -> str:
    """Return an account's name; its number where it has none."""
    try:
        return host.user(uid).name
    except NotFound:
        return str(uid)
