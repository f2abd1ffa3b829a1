"""Buckets as environments, or the first directories in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

import msgspec

from saltern.controller.files.backend import Backend, Entry, Place
from saltern.controller.files.backends.listed import Listed, Listing, checked, fetched
from saltern.controller.files.backends.s3.credentials import Credentials
from saltern.controller.files.backends.s3.sign import signed
from saltern.foundation.errors import Conflict, NotFound, SettingsError, Unavailable
from saltern.foundation.settings import read_options
from saltern.sdk.http import Request, Response, send

#: Objects of one bucket that are willingly listed.
_MOST = 1_000_000


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options; names as Salt's ``s3.*`` where it has them."""

    buckets: dict[str, list[str]] | list[str]
    service_url: str = ""
    location: str = "us-east-1"
    path_style: bool = False
    prefix: str = ""
    keyid: str = ""
    key: str = ""
    key_file: str = ""
    verify_ssl: bool | str = True
    timeout: float = 30.0
    update_interval: float = 60.0
    metadata_url: str = "http://169.254.169.254"


class _Object(NamedTuple):
    key: str
    etag: str
    size: int


def make(options: Any, place: Place) -> Backend:
    """Return the backend. Raises SettingsError."""
    settings = read_options(options, Settings)
    if settings.service_url and urlsplit(settings.service_url).scheme not in ("http", "https"):
        raise SettingsError(f"{settings.service_url!r} is not a URL", hint="service_url: https://host:port")
    grouped = settings.buckets
    names = grouped if isinstance(grouped, list) else [one for group in grouped.values() for one in group]
    for name in names:
        if not name or set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"):
            raise SettingsError(f"{name!r} is not the name of a bucket")
    return Listed(_Store(settings, place.directory / "s3"), place)


class _Store:
    kind = "s3"

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.interval = settings.update_interval
        self._url = settings.service_url.rstrip("/") or f"https://s3.{settings.location}.amazonaws.com"
        self.identity = f"{self._url} {settings.prefix} {settings.buckets}"
        self._settings = settings
        self._directory = directory
        self._prefix = f"{settings.prefix.strip('/')}/" if settings.prefix.strip("/") else ""
        self._credentials = Credentials(
            settings.keyid, settings.key, settings.key_file, settings.metadata_url
        )

    def fetch(self, before: Listing | None) -> Listing:
        """List every bucket; of several for an environment, the first that has a path gives it."""
        grouped = self._settings.buckets
        found: dict[str, dict[str, Entry]] = {}
        if isinstance(grouped, dict):
            for name, buckets in grouped.items():
                found[name] = {}
                for bucket in reversed(buckets):
                    found[name].update(self._bucket(bucket))
            return Listing(found)
        for bucket in reversed(grouped):
            for path, entry in self._bucket(bucket).items():
                name, slash, inside = path.partition("/")
                if slash and inside:
                    found.setdefault(name, {})[inside] = entry
        return Listing(found)

    def open(self, saltenv: str, path: str, entry: Entry) -> BinaryIO:
        """Fetch an object, if it still is the one that was listed."""
        bucket, _, tag = entry.token.partition(" ")
        shown = self.shown(saltenv, path)
        url = self._address(bucket, self._key(saltenv, path))

        def check(response: Response, file: BinaryIO) -> None:
            if response.status == 412:
                raise Conflict(f"{shown} has changed since it was listed", hint="try again")
            if response.status == 404:
                raise NotFound(f"{shown} is not there any more")
            _require_success(response, shown)
            if file.seek(0, 2) != entry.size:
                raise Conflict(f"{shown} has not the size that was listed")

        return fetched(self._request(url, {"If-Match": tag}), self._directory, check)

    def shown(self, saltenv: str, path: str) -> str:
        """Return the endpoint, and an object's key."""
        return f"{self._url}: {self._key(saltenv, path)}"

    def _key(self, saltenv: str, path: str) -> str:
        inside = f"{saltenv}/{path}" if isinstance(self._settings.buckets, list) else path
        return self._prefix + inside

    def _bucket(self, bucket: str) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for each in self._objects(bucket):
            path = each.key.removeprefix(self._prefix)
            where = f"the bucket {bucket}"
            if path.endswith("/"):
                found[f"{checked(path[:-1], where)}/"] = Entry(0, 0o755, None, "")
            elif path:
                found[checked(path, where)] = Entry(each.size, 0o644, None, f"{bucket} {each.etag}")
        return found

    def _objects(self, bucket: str) -> Iterator[_Object]:
        question = {"list-type": "2", "prefix": self._prefix}
        seen = 0
        while True:
            url = f"{self._address(bucket, '')}?{urlencode(question, quote_via=quote)}"
            response = send(self._request(url, {}))
            _require_success(response, f"the bucket {bucket} at {self._url}")
            objects, question["continuation-token"] = _read(response.body, bucket)
            yield from objects
            seen += len(objects)
            if not question["continuation-token"]:
                return
            if seen > _MOST or not objects:
                raise Unavailable(f"the bucket {bucket} lists more than {_MOST} objects, or no end")

    def _address(self, bucket: str, key: str) -> str:
        parts = urlsplit(self._url)
        path = quote(key, safe="/-_.~")
        if self._settings.path_style:
            return f"{self._url}/{bucket}/{path}"
        return f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path}/{path}"

    def _request(self, url: str, headers: dict[str, str]) -> Request:
        settings = self._settings
        credential = self._credentials.now()
        return Request(
            url=url,
            headers=signed(url, headers, credential, settings.location, datetime.now(UTC)),
            timeout=settings.timeout,
            verify=settings.verify_ssl,
            follow=False,
        )


def _require_success(response: Response, shown: str) -> None:
    """Raise Unavailable with what S3 says; its answer never holds our key."""
    if not response.ok:
        said = _text(_xml(response.body, shown), "Code") if response.body.startswith(b"<") else ""
        raise Unavailable(f"{shown}: S3 says {response.status} {said}".rstrip())


def _read(body: bytes, bucket: str) -> tuple[list[_Object], str]:
    """Return the objects of one answer, and where the next begins (empty: it was the last)."""
    shown = f"the list of the bucket {bucket}"
    root = _xml(body, shown)
    try:
        objects = [
            _Object(_text(one, "Key"), _text(one, "ETag"), int(_text(one, "Size")))
            for one in root.iterfind("{*}Contents")
        ]
    except ValueError:
        raise Unavailable(f"{shown} has a size that is no number") from None
    if any(not one.key or not one.etag or one.size < 0 for one in objects):
        raise Unavailable(f"{shown} has an object without key, tag and size")
    return objects, _text(root, "NextContinuationToken")


def _xml(body: bytes, shown: str) -> ElementTree.Element:
    if b"<!" in body:
        raise Unavailable(f"{shown} declares XML entities, which S3 never does")
    try:
        return ElementTree.fromstring(body)  # noqa: S314 (no entities: see above)
    except ElementTree.ParseError as error:
        raise Unavailable(f"{shown} is not XML: {error}") from None


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""
