"""``salt.utils.systemd``: whether systemd is in charge."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any


def booted(context: Any = None) -> bool:
    """Tell whether this machine was started by systemd."""
    return os.path.isdir("/run/systemd/system")


def offline(context: Any = None) -> bool:
    """Tell whether systemd is not at work."""
    return not booted()


def version(context: Any = None) -> int | None:
    """Return systemd's version; None where there is none."""
    try:
        done = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    found = re.search(r"systemd (\d+)", done.stdout)
    return int(found[1]) if found else None


def has_scope(context: Any = None) -> bool:
    """Tell whether systemd can run a program in a scope."""
    return (version() or 0) >= 205
