"""What file systems were mounted with: some options are taken and never shown again."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.library.mount.options import SECRET
from saltern.sdk import Host


def read(host: Host) -> dict[str, dict[str, Any]]:
    """Return what was mounted where: ``{mount point: {device, fstype, mkmnt, opts}}``."""
    text = host.text(_path(host), "")
    found: dict[str, dict[str, Any]] = msgspec.json.decode(text) if text else {}
    return found


def remember(host: Host, directory: str, device: str, kind: str, options: list[str], mkmnt: bool) -> None:
    """Keep what a file system was mounted with, without its secrets."""
    told = [one for one in options if one.partition("=")[0] not in SECRET]
    entry = {"device": device, "fstype": kind, "mkmnt": mkmnt, "opts": told}
    _write(host, {**read(host), directory: entry})


def forget(host: Host, directory: str) -> bool:
    """Drop what is kept of a mount point; tell whether there was anything."""
    known = read(host)
    if directory not in known:
        return False
    del known[directory]
    _write(host, known)
    return True


def options_of(host: Host, directory: str, device: str) -> list[str]:
    """Return the options that this device was mounted with at this place, as far as known."""
    entry = read(host).get(directory, {})
    found: list[str] = entry["opts"] if entry.get("device") == device else []
    return found


def _path(host: Host) -> str:
    return f"{host.data}/mounts.json"


def _write(host: Host, known: dict[str, dict[str, Any]]) -> None:
    host.make_directory(host.data, 0o700)
    host.write(_path(host), msgspec.json.encode(known), mode=0o600)
