"""The root file system that lab hosts start from: Debian with systemd, built once and kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from saltern.foundation.errors import Unavailable

#: Names the directory where root file systems and packages are kept; it may grow to 2 GB.
CACHE_VARIABLE = "SALTERN_LAB_CACHE"
CACHE = Path("/var/cache/saltern-lab")

#: What every lab host has. More costs time on every fresh machine: a case may install what it alone needs.
PACKAGES = [
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "passwd",
    "sudo",
    "hostname",
    "netbase",
    "procps",
    "kmod",
    "iproute2",
    "nftables",
    "less",
    "openssh-server",
    "openssh-client",
    "ca-certificates",
    "curl",
    "gnupg",
    "cron",
    "at",
    "git",
    "rsync",
    "python3",
    "apt-utils",
    "debconf-utils",
    "acl",
    "attr",
    "logrotate",
    "fdisk",
    "e2fsprogs",
    "util-linux-extra",
    "whois",
    "xz-utils",
    "bzip2",
    "zstd",
    "zip",
    "unzip",
]

#: Units that would do something of their own in the middle of a test.
QUIET = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "logrotate.timer",
    "systemd-networkd-wait-online.service",
    "systemd-tmpfiles-clean.timer",
)

_SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))


def cache() -> Path:
    """Return the directory where things are kept between runs."""
    return Path(os.environ.get(CACHE_VARIABLE) or CACHE)


def release() -> Mapping[str, str]:
    """Return what this machine's os-release says; nothing where there is none."""
    path = Path("/etc/os-release")
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip('"') for name, _, value in pairs}


def sources() -> Path:
    """Return the file that says where this machine's own packages come from. Raises Unavailable."""
    for path in _SOURCES:
        if path.exists() and ("URIs:" in path.read_text() or "deb " in path.read_text()):
            return path
    raise Unavailable("no apt sources of Debian on this machine")


def base() -> Path:
    """Return the root file system, built now when it isn't there: half a minute, once a machine.

    Raises Unavailable with what the build said.
    """
    codename, source = release().get("VERSION_CODENAME", ""), sources()
    recipe = "\n".join([codename, source.read_text(), *PACKAGES, *QUIET])
    wanted = cache() / f"base-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    cache().mkdir(parents=True, exist_ok=True)
    with alone():
        if not wanted.is_dir():
            _forget_others()
            _build(wanted, codename, source)
    return wanted


def _build(wanted: Path, codename: str, source: Path) -> None:
    half = wanted.with_suffix(".part")
    command = ["mmdebstrap", "--variant=minbase", "--quiet", "--skip=cleanup/apt/lists,check/empty"]
    command += [
        "--dpkgopt=force-unsafe-io",
        f"--include={','.join(PACKAGES)}",
        codename,
        str(half),
        str(source),
    ]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        raise Unavailable(f"the root file system of lab hosts can't be built: {done.stderr.strip()[-500:]}")
    _furnish(half)
    half.rename(wanted)


def _furnish(root: Path) -> None:
    """Make of a plain Debian one that starts quietly, as a host of its own each time."""
    (root / "etc/machine-id").write_text("")
    for unit in QUIET:
        (root / "etc/systemd/system" / unit).unlink(missing_ok=True)
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    for trusted in (Path("/etc/ssl/certs/ca-certificates.crt"), *Path("/etc/apt/apt.conf.d").glob("99*")):
        if trusted.exists():  # as this machine does it: a package mirror may have a certificate of its own
            shutil.copy(trusted, root / str(trusted).lstrip("/"))


def _forget_others() -> None:
    for old in cache().glob("base-*"):
        shutil.rmtree(old)


@contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time build a root file system, or begin a lab; the others wait."""
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
