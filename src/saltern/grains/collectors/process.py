"""The agent's own process, its Python, and the surroundings its programs get."""

from __future__ import annotations

import os
import sys
from typing import Any

from saltern.sdk import Host


def collect(host: Host) -> dict[str, Any]:
    """Return who and where the agent is, ``path``, ``shell``, ``python…`` and ``salternversion``."""
    from saltern import __version__

    user = host.user()
    path = host.environment.get("PATH", "")
    return {
        "pid": os.getpid(),
        "uid": user.uid,
        "gid": user.gid,
        "username": user.name,
        "groupname": user.group,
        "cwd": os.getcwd(),
        "path": path,
        "systempath": path.split(":"),
        "shell": host.environment.get("SHELL", "/bin/sh"),
        "ps": "ps -efHww",
        "pythonversion": list(sys.version_info),
        "pythonpath": list(sys.path),
        "pythonexecutable": sys.executable,
        "salternversion": __version__,
        "salternversioninfo": [int(part) for part in __version__.split(".") if part.isdigit()],
    }
