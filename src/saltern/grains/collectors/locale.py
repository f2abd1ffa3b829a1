"""Language, encoding and time zone."""

from __future__ import annotations

import locale
import sys
import time
from typing import Any

from saltern.sdk import Host


def collect(host: Host) -> dict[str, Any]:
    """Return ``locale_info`` and ``timezone`` (``Europe/Berlin``; the short name where that is unknown)."""
    language, encoding = locale.getlocale()
    short = time.strftime("%Z", time.localtime(host.now()))
    return {
        "locale_info": {
            "defaultlanguage": language or "unknown",
            "defaultencoding": encoding or "unknown",
            "detectedencoding": sys.getdefaultencoding(),
            "timezone": short,
        },
        "timezone": _zone(host) or short,
    }


def _zone(host: Host) -> str:
    """Return the zone's name, from the link or from Debian's file."""
    link = host.stat("/etc/localtime", follow=False)
    if link is not None and "zoneinfo/" in link.target:
        return link.target.partition("zoneinfo/")[2]
    return host.text("/etc/timezone", "").strip()
