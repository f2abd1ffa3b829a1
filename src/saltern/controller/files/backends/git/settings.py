"""The options of the backend ``git``, named as Salt's gitfs names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from saltern.foundation.errors import SettingsError
from saltern.foundation.settings import read_options
from saltern.sls.tree import is_inside


class PerEnvironment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is otherwise in one environment; None: as for the others."""

    ref: str | None = None
    root: str | None = None
    mountpoint: str | None = None


class Remote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One repository. All but ``url`` and ``name`` may stand beside ``remotes`` too, for all of them."""

    url: str
    name: str = ""
    base: str = ""
    root: str = ""
    mountpoint: str = ""
    ref_types: tuple[Literal["branch", "tag", "sha"], ...] = ("branch", "tag", "sha")
    saltenv_whitelist: list[str] = []
    saltenv_blacklist: list[str] = []
    saltenv: dict[str, PerEnvironment] = {}
    all_saltenvs: str = ""
    fallback: str = ""
    disable_saltenv_mapping: bool = False
    user: str = ""
    password: str = ""
    password_file: str = ""
    insecure_auth: bool = False
    privkey: str = ""
    known_hosts: str = ""
    ssl_verify: bool | str = True
    timeout: float = 60.0

    @property
    def protocol(self) -> str:
        """What is spoken: https, http, ssh, git, file."""
        scheme, found, _ = self.url.partition("://")
        return scheme if found else "file" if self.url.startswith("/") else "ssh"

    @property
    def called(self) -> str:
        """The name, else the last part of the URL."""
        return self.name or re.split(r"[/:]", self.url.rstrip("/"))[-1].removesuffix(".git")

    def secret(self) -> str:
        """Return the password (its file's first line), empty when there is none. Raises SettingsError."""
        if not self.password_file:
            return self.password
        try:
            return Path(self.password_file).read_text().split("\n", 1)[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the password file can't be read: {error}") from error


class GitSettings(msgspec.Struct, frozen=True):
    """All remotes, and the seconds between two fetches that nobody asked for."""

    remotes: list[Remote]
    update_interval: float


def read(options: Any) -> GitSettings:
    """Return the options of the backend. Raises SettingsError."""
    if not isinstance(options, Mapping) or not options.get("remotes"):
        raise SettingsError("needs remotes", hint="git: {remotes: ['https://example.com/states.git']}")
    common = {name: value for name, value in options.items() if name not in ("remotes", "update_interval")}
    interval = options.get("update_interval", 60.0)
    if not isinstance(interval, int | float) or interval <= 0:
        raise SettingsError("update_interval is seconds, more than none")
    return GitSettings([_remote(one, common) for one in options["remotes"]], float(interval))


def _remote(given: Any, common: Mapping[str, Any]) -> Remote:
    remote = read_options({**common, **_own(given)}, Remote)
    _check_url(remote)
    if any(mark in remote.user + remote.password for mark in "\r\n\0"):
        raise SettingsError(f"there is a line break in the user or password for {remote.url}")
    mounts = [(remote.root, remote.mountpoint)]
    mounts += [(one.root or "", one.mountpoint or "") for one in remote.saltenv.values()]
    for path in (clean(path) for mount in mounts for path in mount):
        if path and not is_inside(path):
            raise SettingsError(f"{path!r} is not a directory within a tree ({remote.url})")
    if remote.protocol == "http" and (remote.password or remote.password_file) and not remote.insecure_auth:
        raise SettingsError(
            f"the password would be sent in clear to {remote.url}", hint="use https, or set insecure_auth"
        )
    return remote


def _own(given: Any) -> Mapping[str, Any]:
    """Return a remote's options, also when written as Salt has them: ``URL: [{root: states}, …]``."""
    if not isinstance(given, Mapping):
        return {"url": given}
    if "url" in given or len(given) != 1:
        return given
    [(url, options)] = given.items()
    own = {"url": url, **_joined(options, str(url))}
    if isinstance(own.get("saltenv"), list):
        each = _joined(own["saltenv"], f"{url}: saltenv")
        own["saltenv"] = {name: _joined(one, f"{url}: saltenv: {name}") for name, one in each.items()}
    return own


def _joined(options: Any, where: str) -> dict[str, Any]:
    """Return a list of mappings, or a mapping, as one. Raises SettingsError."""
    found: dict[str, Any] = {}
    for one in options if isinstance(options, list) else [options]:
        if not isinstance(one, Mapping) or not found.keys().isdisjoint(one):
            raise SettingsError(
                f"{where}: not a list of options, each given once",
                hint="- https://host/path.git: [root: states]",
            )
        found |= one
    return found


def clean(path: str) -> str:
    """Return a directory of a tree as its bare path: ``salt://web/`` is ``web``."""
    return path.removeprefix("salt://").strip("/")


#: ``user@host:path``, as ssh has it.
_SHORT = re.compile(r"(?:[A-Za-z0-9_.][\w.-]*@)?[A-Za-z0-9_.\[][\w.:\[\]-]*:(?!:|-).+")


def _check_url(remote: Remote) -> None:
    """Refuse what git, or the ssh it starts, would take for an option, a command or another program."""
    url = remote.url
    if re.search(r"[\s\x00-\x1f\x7f]", url) or url.startswith("-") or re.match(r"[A-Za-z0-9+-]*::", url):
        raise SettingsError(f"{url!r} is not the URL of a repository")
    if remote.protocol not in ("https", "http", "ssh", "git", "file"):
        raise SettingsError(f"{url!r}: git is spoken by https, http, ssh, git and file")
    if "://" not in url:
        if not url.startswith("/") and not _SHORT.fullmatch(url):
            raise SettingsError(f"{url!r} is not the URL of a repository", hint="https://host/path.git")
        return
    parts = urlsplit(url)
    if parts.password is not None or (parts.username and remote.protocol != "ssh"):
        bare = url.replace(f"{parts.netloc.rpartition('@')[0]}@", "")
        raise SettingsError(
            f"there is a user or password in the URL of {bare}", hint="use user and password_file"
        )
    if any((word or "").startswith("-") for word in (parts.hostname, parts.username, parts.path.lstrip("/"))):
        raise SettingsError(f"{url!r} is not the URL of a repository")
