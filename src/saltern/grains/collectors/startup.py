"""What started the system: init and systemd."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host, NotAllowed, NotFound

_INSIDE = (b"upstart", b"sysvinit", b"systemd")
_BY_NAME = ("supervisord", "dumb-init", "tini", "runit", "s6-svscan", "openrc-init")


def collect(host: Host) -> dict[str, Any]:
    """Return ``init``, and ``systemd`` ``{version, features}`` where it is installed."""
    return {"init": _init(host), **_systemd(host)}


def _init(host: Host) -> str:
    if host.exists("/run/systemd/system"):
        return "systemd"
    command = host.text("/proc/1/cmdline", "").replace("\0", " ").split()
    if not command:
        return "unknown"
    if command[0].endswith("/init") or command[0] == "init":
        return _by_content(host, command[0]) or ("openrc" if host.exists("/run/openrc") else "unknown")
    program = command[0].rpartition("/")[2]
    return program if program in _BY_NAME else "runit" if "/sbin/my_init" in command else "unknown"


def _by_content(host: Host, program: str) -> str:
    """Tell which init a program called ``init`` is, by the name that is written in it."""
    try:
        content = host.read(host.which(program) or program).lower()
    except (NotFound, NotAllowed):
        return ""
    return next((name.decode() for name in _INSIDE if name in content), "")


def _systemd(host: Host) -> dict[str, Any]:
    if host.which("systemctl") is None:
        return {}
    lines = host.run("systemctl", "--version", timeout=2.0).splitlines()
    words = lines[0].split() if lines else []
    if words[:1] != ["systemd"]:
        return {}
    features = lines[1] if len(lines) > 1 else ""
    return {"systemd": {"version": words[1], "features": features}}
