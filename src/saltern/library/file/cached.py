"""``file.cached`` and ``not_cached``: files from elsewhere, kept on this machine."""

from __future__ import annotations

from saltern.library.file import origin, place
from saltern.sdk import Changes, Host, Moment, NotFound, State


class _Copy(State, frozen=True, kw_only=True):
    """What both have in common: where the copy lies."""

    saltenv: str = "base"

    def _path(self, host: Host) -> str:
        return copy_of(host, self.name, self.saltenv)


def copy_of(host: Host, url: str, saltenv: str = "base") -> str:
    """Return the path of the copy of what comes from the web, whether it is there or not."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    query = f"-{place.digest('sha256', parts.query.encode())[:16]}" if parts.query else ""
    words = [saltenv, parts.netloc.rpartition("@")[2], *(parts.path.strip("/") or "index").split("/")]
    return "/".join([host.data, "cached", *map(_plain, words)]) + query


def _plain(word: str) -> str:
    """Return a part of a URL as a name that is no way up."""
    from urllib.parse import quote

    return quote(word, safe="").replace("..", "%2E%2E")


class Cached(_Copy, frozen=True, kw_only=True):
    """Keep a copy of a file of the file roots or of the web on this machine.

    What comes from the web has a ``source_hash``, as in ``file.managed``; a copy that has it is not fetched
    again. ``cp.is_cached`` tells where it lies.

    Example:
        - file.cached: {name: 'https://example.org/app.tar.gz', source_hash: 'https://example.org/SHA256SUMS'}
    """

    source_hash: str = ""
    source_hash_name: str | None = None
    skip_verify: bool = False
    use_etag: bool = False

    def check(self, host: Host) -> Changes:
        """Return what would be fetched. Raises NotFound, BadArgument, Conflict."""
        if self.name.startswith("salt://"):
            if host.supply.cached(self.name) is None:
                raise NotFound(f"{self.name} is not there (environment {host.supply.saltenv!r})")
            return Changes()
        if not origin.is_remote(self.name):
            if not host.exists(self.name.removeprefix("file://")):
                raise NotFound(f"{self.name} is not there")
            return Changes()
        path, digest = self._path(host), origin.expected(host, self.name, self.source_hash, self._how)
        there = host.stat(path)
        old = None if there is None else host.read(path)
        if old is not None and digest is not None and digest.fits(old):
            return Changes()
        _, data = origin.first(host, self.name, self._how)
        if data == old:
            return Changes()
        hashes = {
            "old": None if old is None else place.digest("sha256", old),
            "new": place.digest("sha256", data),
        }
        return Changes({"hash": hashes}, mend=data)

    def apply(self, host: Host, changes: Changes) -> None:
        """Keep what was fetched."""
        path = self._path(host)
        host.make_directory(path.rpartition("/")[0], 0o700)
        host.write(path, changes.mend, 0o600)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"File {self.name} is already cached",
            Moment.WOULD: f"File {self.name} will be cached",
            Moment.DONE: f"File {self.name} is cached",
        }[moment]

    @property
    def _how(self) -> origin.Fetching:
        return origin.Fetching(
            name=self.name,
            source_hash=self.source_hash,
            source_hash_name=self.source_hash_name,
            skip_verify=self.skip_verify,
        )


class NotCached(_Copy, frozen=True, kw_only=True):
    """See that no copy of a file of the web is kept by ``file.cached``.

    Example:
        - file.not_cached: https://example.org/app.tar.gz
    """

    def check(self, host: Host) -> Changes:
        """Return the copy that would be removed."""
        path = self._path(host)
        return Changes({"removed": path}) if origin.is_remote(self.name) and host.exists(path) else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it."""
        host.remove(self._path(host))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"File {self.name} is not cached",
            Moment.WOULD: f"The copy of {self.name} is set for removal",
            Moment.DONE: f"Removed the copy of {self.name}",
        }[moment]
