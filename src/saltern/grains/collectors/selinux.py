"""SELinux, where the kernel has it."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host


def collect(host: Host) -> dict[str, Any]:
    """Return ``selinux`` ``{enabled, enforced}``; nothing on a system that has no SELinux."""
    mode = host.text("/sys/fs/selinux/enforce", "").strip()
    if not mode and host.which("getenforce") is None:
        return {}
    enforced = {"1": "Enforcing", "0": "Permissive"}.get(mode, "Disabled")
    return {"selinux": {"enabled": bool(mode), "enforced": enforced}}
