"""Memory and swap."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host

_NAMES = {"MemTotal": "mem_total", "SwapTotal": "swap_total"}


def collect(host: Host) -> dict[str, Any]:
    """Return ``mem_total`` and ``swap_total`` in MiB."""
    facts = {"mem_total": 0, "swap_total": 0}
    for line in host.text("/proc/meminfo", "").splitlines():
        key, _, value = line.partition(":")
        if key in _NAMES:
            facts[_NAMES[key]] = int(value.split()[0]) // 1024
    return facts
