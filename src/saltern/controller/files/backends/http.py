"""The backend ``http``: any web server, with an index of what it has.

    http:
      environments: {base: https://files.example.com/salt}

Below each URL lies ``index.json``:
``{"revision": "…", "files": {path: {"sha256": "…", "size": 3, "mode": "0644"}}}``.
``python -m saltern.controller.files.backends.http DIRECTORY`` writes one for a directory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec

from saltern.controller.files.backend import Backend, Entry, Place
from saltern.controller.files.backends.listed import Listed, Listing, checked, digest, fetched
from saltern.controller.files.backends.roots import Roots
from saltern.foundation.errors import Conflict, NotFound, SettingsError, Unavailable
from saltern.foundation.settings import read_options
from saltern.sdk.http import Request, Response, send, shown

INDEX = "index.json"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options."""

    environments: dict[str, str]
    username: str = ""
    password_file: str = ""
    headers: dict[str, str] = {}
    ssl_verify: bool | str = True
    timeout: float = 30.0
    update_interval: float = 60.0


class _File(msgspec.Struct, frozen=True):
    sha256: str
    size: int
    mode: int | str = 0o644


class _Index(msgspec.Struct, frozen=True):
    files: dict[str, _File]
    revision: str = ""


def make(options: Any, place: Place) -> Backend:
    """Return the backend. Raises SettingsError."""
    settings = read_options(options, Settings)
    for url in settings.environments.values():
        if not url.startswith(("http://", "https://")) or "@" in url.split("/")[2]:
            raise SettingsError(
                f"{shown(url)!r} is not a URL for this", hint="https://host/path, no password"
            )
        if url.startswith("http://") and settings.password_file:
            raise SettingsError(f"the password would be sent in clear to {url}", hint="use https")
    return Listed(_Web(settings, place.directory / "http"), place)


class _Web:
    kind = "http"

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.interval = settings.update_interval
        self.identity = " ".join(sorted(settings.environments.values()))
        self._settings = settings
        self._directory = directory

    def fetch(self, before: Listing | None) -> Listing:
        """Ask for every index; one that has not changed is not sent again."""
        environments, revisions, tags = {}, {}, {}
        for name, url in self._settings.environments.items():
            known = before.environments.get(name) if before else None
            tag = before.tags.get(url, "") if before and known is not None else ""
            response = self._asked(url, tag)
            if response.status == 304 and before and known is not None:
                environments[name], revisions[name], tags[url] = known, before.revisions.get(name, ""), tag
                continue
            index = _read(response, url)
            revisions[name], tags[url] = index.revision, response.headers.get("etag", "")
            environments[name] = {
                checked(path, url): _entry(one, path, url) for path, one in index.files.items()
            }
        return Listing(environments, revisions, tags)

    def open(self, saltenv: str, path: str, entry: Entry) -> BinaryIO:
        """Fetch a file; it has to be what the index says."""
        url = self.shown(saltenv, path)

        def check(response: Response, file: BinaryIO) -> None:
            if response.status == 404:
                raise NotFound(f"{url} is in the index, and is not there")
            _require_success(response, url)
            if digest(file) != entry.token:
                raise Conflict(f"{url} is not what its index says", hint="write the index anew")

        return fetched(self._request(url), self._directory, check)

    def shown(self, saltenv: str, path: str) -> str:
        """Return a file's URL."""
        return _below(self._settings.environments.get(saltenv, ""), path)

    def _asked(self, url: str, tag: str) -> Response:
        return send(self._request(_below(url, INDEX), {"If-None-Match": tag} if tag else {}))

    def _request(self, url: str, headers: dict[str, str] = {}) -> Request:  # noqa: B006
        settings = self._settings
        return Request(
            url=url,
            headers={**settings.headers, **headers},
            timeout=settings.timeout,
            verify=settings.ssl_verify,
            username=settings.username,
            password=_password(settings),
        )


def _password(settings: Settings) -> str:
    if not settings.password_file:
        return ""
    try:
        return Path(settings.password_file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the password file can't be read: {error}") from error


def _below(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{quote(path)}"


def _require_success(response: Response, url: str) -> None:
    if not response.ok:
        raise Unavailable(f"{url}: the server says {response.status}")


def _read(response: Response, url: str) -> _Index:
    where = _below(url, INDEX)
    _require_success(response, where)
    try:
        return msgspec.json.decode(response.body, type=_Index)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"{where} is not an index: {error}") from error


def _entry(file: _File, path: str, url: str) -> Entry:
    try:
        mode = int(file.mode, 8) if isinstance(file.mode, str) else file.mode
    except ValueError:
        mode = -1
    found = file.sha256.lower()
    if len(found) != 64 or set(found) - set("0123456789abcdef") or file.size < 0 or not 0 <= mode <= 0o7777:
        raise Unavailable(f"{_below(url, INDEX)}: {path} has no SHA-256, size and mode that can be")
    return Entry(file.size, mode, None, found)


def index(directory: str) -> dict[str, Any]:
    """Return the index of a directory; links that leave it are left out. Raises SalternError."""
    roots = Roots({"base": [directory]})
    files = {}
    for path, entry in sorted(roots.entries("base").items()):
        if entry.token and path != INDEX:
            with roots.open("base", path) as file:
                found = digest(file)
            files[path] = {"sha256": found, "size": entry.size, "mode": f"{entry.mode:04o}"}
    return {"files": files}


if __name__ == "__main__":
    Path(sys.argv[1], INDEX).write_text(json.dumps(index(sys.argv[1]), indent=0))
