"""Backends that list what they have over the network: the last list is kept, also over a restart."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from saltern.controller.files.backend import Entry, Place
from saltern.foundation import atomic
from saltern.foundation.errors import NotFound, SalternError, Unavailable
from saltern.sdk.http import Request, Response, send
from saltern.sls.tree import is_inside

#: Bytes of a file that are willingly fetched.
LARGEST = 5 * 1024**3


class Listing(msgspec.Struct, frozen=True):
    """The entries of each environment, their revisions, and what a server wants to hear next time."""

    environments: dict[str, dict[str, Entry]]
    revisions: dict[str, str] = {}
    tags: dict[str, str] = {}


class Origin(Protocol):
    """What a backend asks of the network."""

    kind: str
    interval: float
    #: What tells it from others of its kind: its URLs.
    identity: str

    def fetch(self, before: Listing | None) -> Listing:
        """Return what is there now; may return ``before``. Raises SalternError."""

    def open(self, saltenv: str, path: str, entry: Entry) -> BinaryIO:
        """Return a file, to be closed. Raises NotFound; Conflict when it is another one by now."""

    def shown(self, saltenv: str, path: str) -> str:
        """Return a path as people know it."""


class Listed:
    """A backend made of an origin."""

    def __init__(self, origin: Origin, place: Place) -> None:
        """Take the origin, and the place where its last list is kept."""
        self.kind = origin.kind
        self.interval = origin.interval
        self._origin = origin
        name = hashlib.sha256(origin.identity.encode()).hexdigest()[:32]
        self._path = place.directory / origin.kind / f"{name}.json"
        self._listing: Listing | None = None
        self._problem = "it has not been tried yet"

    def refresh(self) -> None:
        """List anew. Raises Unavailable; what was known stays."""
        before = self._known()
        try:
            listing = self._origin.fetch(before)
        except SalternError as error:
            self._problem = error.message
            raise Unavailable(f"{self.kind}: {error}", hint=error.hint) from error
        if listing != before:
            atomic.private_directory(self._path.parent)
            atomic.write(self._path, msgspec.json.encode(listing), durable=False)
        self._listing = listing

    def environments(self) -> Mapping[str, str]:
        """Return the environments' names with their revisions. Raises Unavailable."""
        listing = self._last()
        return {name: listing.revisions.get(name, "") for name in sorted(listing.environments)}

    def revision(self, saltenv: str) -> str | None:
        """Return an environment's revision; None when there is none. Raises Unavailable."""
        return self.environments().get(saltenv)

    def entries(self, saltenv: str) -> Mapping[str, Entry]:
        """Return all paths of an environment. Raises Unavailable."""
        return self._last().environments.get(saltenv, {})

    def open(self, saltenv: str, path: str) -> BinaryIO:
        """Return a file's content, to be closed. Raises NotFound, Conflict, Unavailable."""
        entry = self.entries(saltenv).get(path)
        if entry is None or not entry.token:
            raise NotFound(f"{path!r} is no file of {self._origin.identity} in {saltenv!r}")
        return self._origin.open(saltenv, path, entry)

    def shown(self, saltenv: str, path: str) -> str:
        """Return a path as people know it."""
        return self._origin.shown(saltenv, path)

    def close(self) -> None:
        """Nothing is held."""

    def _last(self) -> Listing:
        listing = self._known()
        if listing is None:
            raise Unavailable(f"{self._origin.identity} has not been fetched yet: {self._problem}")
        return listing

    def _known(self) -> Listing | None:
        if self._listing is None:
            with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
                self._listing = msgspec.json.decode(self._path.read_bytes(), type=Listing)
        return self._listing


def checked(path: str, where: str) -> str:
    """Return a path from a stranger's list. Raises Unavailable for one that leads out of its tree."""
    if not is_inside(path) or not path.isprintable():
        raise Unavailable(f"{where} lists {path!r}, which is not a path within a tree")
    return path


def download(request: Request, directory: Path) -> tuple[Response, BinaryIO]:
    """Fetch into a file that has no name any more. Raises SalternError; the status is not looked at."""
    atomic.private_directory(directory)
    handle, path = tempfile.mkstemp(dir=directory)
    try:
        response = send(msgspec.structs.replace(request, limit=LARGEST), path)
        return response, open(path, "rb")
    except OSError as error:
        raise Unavailable(f"{directory}: {error.strerror}") from error
    finally:
        os.close(handle)
        os.unlink(path)


def fetched(request: Request, directory: Path, check: Callable[[Response, BinaryIO], None]) -> BinaryIO:
    """Return a file that was fetched, at its beginning; ``check`` raises for what it must not be."""
    response, file = download(request, directory)
    try:
        check(response, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def digest(file: BinaryIO) -> str:
    """Return the SHA-256 of what is left of a file, in hexadecimal."""
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
