"""Disks that are hardware."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host


def collect(host: Host) -> dict[str, Any]:
    """Return ``disks``, those that turn, and ``ssds``, those that don't, by their kernel names."""
    flags = {name: _rotational(host, name) for name in _hardware(host)}
    return {
        "disks": [name for name, flag in flags.items() if flag == "1"],
        "ssds": [name for name, flag in flags.items() if flag == "0"],
    }


def _hardware(host: Host) -> list[str]:
    if not host.exists("/sys/block"):
        return []
    return [name for name in host.list_directory("/sys/block") if not _is_virtual(host, name)]


def _is_virtual(host: Host, name: str) -> bool:
    link = host.stat(f"/sys/block/{name}", follow=False)
    return link is not None and "/devices/virtual/" in link.target


def _rotational(host: Host, name: str) -> str:
    return host.text(f"/sys/block/{name}/queue/rotational", "").strip()
