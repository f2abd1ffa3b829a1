"""Packages that are files: from the file roots, the web, or the host itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from saltern.library.pkg.manager import Wish
from saltern.sdk import BadArgument, Host, NotFound, Unavailable
from saltern.sdk.http import Request

_LARGEST = 8 * 1024**3


def sources(given: Sequence[Mapping[str, str]]) -> list[Wish]:
    """Return the packages that ``sources`` names, each with its address. Raises BadArgument."""
    found = [Wish(str(name), file=str(url)) for entry in given for name, url in entry.items()]
    if not found:
        raise BadArgument("sources names no package", hint="sources: [nginx: salt://nginx.deb]")
    return found


@contextmanager
def fetched(host: Host, wished: Sequence[Wish], directory: str) -> Iterator[list[Wish]]:
    """Give the wishes with their files on this host; those that were fetched are removed afterwards."""
    made: list[str] = []
    try:
        yield [_fetched(host, wish, directory, made) if wish.file else wish for wish in wished]
    finally:
        for path in made:
            host.remove(path)


def _fetched(host: Host, wish: Wish, directory: str, made: list[str]) -> Wish:
    url = wish.file
    if url.startswith("/"):
        if not host.exists(url):
            raise NotFound(f"{url}: no such file on this host")
        return wish
    if not url.startswith(("salt://", "http://", "https://")):
        raise BadArgument(f"{url!r} can't be fetched", hint="an absolute path, salt://, http:// or https://")
    name = posixpath.basename(url.partition("?")[0]) or wish.name
    host.make_directory(directory, 0o755)
    path = posixpath.join(directory, name)
    made.append(path)
    if url.startswith("salt://"):
        data = host.supply.file(url)
        if data is None:
            raise NotFound(f"{url}: no such file in the file roots")
        host.write(path, data, 0o644)
    else:
        answer = host.http(Request(url=url, limit=_LARGEST, timeout=600.0), into=path)
        if not answer.ok:
            raise Unavailable(f"{url}: the server answers {answer.status}")
        host.set_mode(path, 0o644)
    return Wish(wish.name, file=path)
