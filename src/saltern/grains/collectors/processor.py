"""The processors."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host


def collect(host: Host) -> dict[str, Any]:
    """Return ``num_cpus``, ``cpu_model`` and ``cpu_flags`` from /proc/cpuinfo."""
    facts: dict[str, Any] = {"num_cpus": 0, "cpu_model": "Unknown", "cpu_flags": []}
    for line in host.text("/proc/cpuinfo", "").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            _note(facts, key.strip(), value.strip())
    return facts


def _note(facts: dict[str, Any], key: str, value: str) -> None:
    """Take in one line; the keys differ between architectures."""
    if key == "processor":
        facts["num_cpus"] += 1
    elif key == "# processors":  # s390
        facts["num_cpus"] = int(value)
    elif key in ("model name", "cpu") or (key == "vendor_id" and facts["cpu_model"] == "Unknown"):
        facts["cpu_model"] = value
    elif key == "Processor":  # old ARM
        facts |= {"cpu_model": value.split("-")[0], "num_cpus": 1}
    elif key in ("flags", "Features"):
        facts["cpu_flags"] = value.split()
