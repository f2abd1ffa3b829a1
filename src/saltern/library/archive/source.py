"""Where an archive comes from, and the copy of it on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
from collections.abc import Iterator

import msgspec

from saltern.library.file import origin
from saltern.library.file.origin import Digest, Fetching, Written
from saltern.sdk import Conflict, Host, NotFound, Request, Unavailable
from saltern.sdk.http import shown

#: Bytes that an archive of the web may have.
LARGEST = 1 << 36
_PIECE = 1024 * 1024


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An archive: its address, where it lies here (nowhere before it is fetched), the hash it must have."""

    url: str
    path: str = ""
    copy: str = ""  # where it is kept when it comes from the web
    digest: Digest | None = None

    @property
    def mark(self) -> str:
        """What tells this archive from what it may be later."""
        return f"{self.digest.kind}={self.digest.digits}" if self.digest else ""


def found(host: Host, sources: Written | list[Written], how: Fetching) -> Source:
    """Return the first source that is here; else the first of the web, which may prove not to be there.

    Raises NotFound that names all, BadArgument for one of the web without a hash, Conflict for a wrong one.
    """
    every = list(_each(host, sources, how))
    for source in (*(one for one in every if one.path), *(one for one in every if one.copy)):
        return source
    raise _none(host, every)


def brought(host: Host, sources: Written | list[Written], how: Fetching) -> Source:
    """Return the first source there is, fetched if it must be. Raises what ``found`` and ``fetch`` raise."""
    every = list(_each(host, sources, how))
    for source in every:
        if source.path:
            return source
        if source.copy:
            with contextlib.suppress(NotFound):
                return msgspec.structs.replace(source, path=fetch(host, source, how.verify_ssl))
    raise _none(host, every)


def _none(host: Host, every: list[Source]) -> NotFound:
    names = ", ".join(shown(one.url) for one in every)
    return NotFound(f"none of the sources is there: {names} (environment {host.supply.saltenv!r})")


def _each(host: Host, sources: Written | list[Written], how: Fetching) -> Iterator[Source]:
    for url, written in origin.pairs(sources, how.source_hash):
        digest = origin.expected(host, url, written, how)
        if origin.is_remote(url):
            copy = _copy(host, url, digest)
            yield Source(url=url, path=copy if host.exists(copy) else "", copy=copy, digest=digest)
            continue
        path = _here(host, url)
        if path:
            _verify(host, url, path, digest)
        yield Source(url=url, path=path, digest=digest)


def _here(host: Host, url: str) -> str:
    """Return where a file of the file roots, or of this machine, lies; nothing when there is none."""
    if url.startswith("salt://"):
        cached = host.supply.cached(url)
        return "" if cached is None else cached.path
    path = url.removeprefix("file://")
    if not path.startswith("/"):
        origin.fetched(host, url)  # says what is wrong with it
    return path if host.exists(path) else ""


def directory(host: Host) -> str:
    """Return the directory of what is kept about archives."""
    return posixpath.join(host.data, "archives")


def _copy(host: Host, url: str, digest: Digest | None) -> str:
    name = f"{url}\n{digest.digits if digest else ''}"
    return posixpath.join(directory(host), hashlib.sha256(name.encode()).hexdigest())


def fetch(host: Host, source: Source, verify: bool | str = True) -> str:
    """Bring an archive of the web here, whole and with its hash; return where it lies.

    Raises NotFound, Unavailable, Conflict for another hash.
    """
    new = f"{source.copy}.new"
    host.make_directory(directory(host), 0o700)
    answer = host.http(Request(url=source.url, verify=verify, limit=LARGEST), into=new)
    if answer.status in (404, 410):
        raise NotFound(f"{shown(source.url)} is not there")
    if not answer.ok:
        raise Unavailable(f"{shown(source.url)}: the server answers {answer.status}")
    try:
        _verify(host, source.url, new, source.digest)
    except Conflict:
        host.remove(new)
        raise
    host.rename(new, source.copy)
    return source.copy


def _verify(host: Host, url: str, path: str, digest: Digest | None) -> None:
    """Raise Conflict unless a file has the hash."""
    if digest is None:
        return
    sum_ = hashlib.new(digest.kind, usedforsecurity=False)
    with host.open(path) as file:
        while piece := file.read(_PIECE):
            sum_.update(piece)
    if sum_.hexdigest() != digest.digits:
        raise Conflict(
            f"{shown(url)} has the {digest.kind} {sum_.hexdigest()}, not {digest.digits}",
            hint="correct source_hash",
        )
