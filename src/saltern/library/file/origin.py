"""Where a file's content comes from: file roots, this machine, the web; and the hash that it must have."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from saltern.library.file import place
from saltern.sdk import BadArgument, Conflict, Host, NotFound, NotSupported, Request, Unavailable
from saltern.sdk.http import LIMIT, shown

#: The kinds of hashes, by the number of their digits, the weakest first.
KINDS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}

#: A source as an SLS names it: an address, or ``{address: hash}``.
Written = str | dict[str, str | None]


class Digest(msgspec.Struct, frozen=True):
    """A hash: its kind and its digits, lower case."""

    kind: str
    digits: str

    def fits(self, data: bytes) -> bool:
        """Tell whether ``data`` has this hash."""
        return place.digest(self.kind, data) == self.digits


class Fetching(msgspec.Struct, frozen=True, kw_only=True):
    """How sources are fetched and checked; the meanings are those of ``file.managed``."""

    name: str
    source_hash: str = ""
    source_hash_name: str | None = None
    skip_verify: bool = False
    verify_ssl: bool | str = True


def is_remote(url: str) -> bool:
    """Tell whether a source lies on another machine that is none of ours, so that it must have a hash."""
    return url.partition("://")[0] in ("http", "https", "ftp") and "://" in url


def fetched(host: Host, url: str, verify: bool | str = True) -> bytes | None:
    """Return what lies at an address or an absolute path; None when nothing does.

    Raises BadArgument, NotSupported for a scheme that is not served, Unavailable, NotAllowed.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme == "file":
        return _local(host, url.removeprefix("file://"))
    if scheme == "salt":
        return host.supply.file(url)
    if scheme in ("http", "https"):
        return _web(host, url, verify)
    raise NotSupported(
        f"{shown(url)}: sources of {scheme}:// are not served",
        hint="salt://, http://, https://, file:// and absolute paths are",
    )


def _local(host: Host, path: str) -> bytes | None:
    if not path.startswith("/"):
        raise BadArgument(
            f"source = {path!r} is neither an address nor an absolute path", hint="write salt://…"
        )
    try:
        return host.read(path)
    except NotFound:
        return None


def _web(host: Host, url: str, verify: bool | str) -> bytes | None:
    answer = host.http(Request(url=url, verify=verify, limit=LIMIT))
    if answer.status in (404, 410):
        return None
    if not answer.ok:
        raise Unavailable(f"{shown(url)}: the server answers {answer.status}")
    return answer.body


def pairs(sources: Written | Sequence[Written], digest: str) -> Iterator[tuple[str, str]]:
    """Give each source with the hash written for it, in the order to try them."""
    for one in [sources] if isinstance(sources, str | dict) else sources:
        if isinstance(one, dict):
            yield from ((url, own or digest) for url, own in one.items())
        else:
            yield one, digest


def first(host: Host, sources: Written | Sequence[Written], how: Fetching) -> tuple[str, bytes]:
    """Return the first source there is with its content, which has the hash that it must have.

    Raises NotFound that names all, Conflict for a wrong hash, and what ``fetched`` raises.
    """
    tried = []
    for url, written in pairs(sources, how.source_hash):
        digest = expected(host, url, written, how)
        data = fetched(host, url, how.verify_ssl)
        if data is not None:
            verify(url, data, digest)
            return url, data
        tried.append(shown(url) if is_remote(url) else url)
    raise NotFound(f"none of the sources is there: {', '.join(tried)} (environment {host.supply.saltenv!r})")


def verify(url: str, data: bytes, digest: Digest | None) -> None:
    """Raise Conflict unless ``data`` has the hash."""
    if digest is not None and not digest.fits(data):
        actual = place.digest(digest.kind, data)
        raise Conflict(
            f"{shown(url)} has the {digest.kind} {actual}, not {digest.digits}", hint="correct source_hash"
        )


def expected(host: Host, url: str, written: str, how: Fetching) -> Digest | None:
    """Return the hash a source must have; None when none is asked for.

    ``written`` is a hash, or the address of a file of hashes. Raises BadArgument, NotFound.
    """
    if how.skip_verify:
        return None
    if not written:
        if is_remote(url):
            raise BadArgument(
                f"{shown(url)}: a source from the network needs a source_hash",
                hint="write - source_hash: sha256=…, or - skip_verify: true",
            )
        return None
    return inline(written) or _from_file(host, url, written, how)


def inline(written: str) -> Digest | None:
    """Return a hash as people write it: digits, or ``kind=digits``."""
    kind, separator, digits = written.rpartition("=") if "://" not in written else ("", "", written)
    digits = digits.strip().lower()
    if re.fullmatch(r"[0-9a-f]+", digits) and len(digits) in KINDS:
        name = kind.strip().lower() if separator else KINDS[len(digits)]
        if name not in KINDS.values() or KINDS[len(digits)] != name:
            raise BadArgument(
                f"source_hash = {written!r}: that is no {kind}", hint="write sha256=<64 digits>"
            )
        return Digest(name, digits)
    if "/" in written:
        return None
    raise BadArgument(f"source_hash = {written!r} is no hash", hint="write sha256=<64 digits>")


def _from_file(host: Host, url: str, written: str, how: Fetching) -> Digest:
    data = fetched(host, written, how.verify_ssl)
    if data is None:
        raise NotFound(f"source_hash: {shown(written)} is not there")
    names = [how.source_hash_name] if how.source_hash_name else [how.name, url]
    found = extracted(data.decode(errors="replace"), [one for one in names if one])
    if found is None:
        wanted = " or ".join(posixpath.basename(one) for one in names if one)
        raise NotFound(f"{shown(written)} has no hash of {wanted}", hint="- source_hash_name: its name there")
    return found


def extracted(text: str, names: Sequence[str]) -> Digest | None:
    """Return the hash of the first of ``names`` that a file of hashes has, the strongest kind of it.

    Lines are ``digits  name``, ``KIND (name) = digits``, ``digits size name`` or ``name: digits``. A file
    that holds one hash and no names is about everything.
    """
    entries = [entry for line in text.splitlines() if (entry := _entry(line))]
    for name in names:
        ranked = sorted(
            (_rank(name, entry), len(entry[0]), entry[0]) for entry in entries if _rank(name, entry)
        )
        if ranked:
            digits = ranked[-1][2]
            return Digest(KINDS[len(digits)], digits)
    lone = {digits for digits, name in entries}
    if len(lone) == 1 and not any(name for _, name in entries):
        digits = lone.pop()
        return Digest(KINDS[len(digits)], digits)
    return None


def _entry(line: str) -> tuple[str, str] | None:
    """Return the digits in a line, and the name beside them."""
    found = [
        word
        for word in re.findall(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,128}(?![0-9A-Za-z])", line)
        if len(word) in KINDS
    ]
    if not found:
        return None
    rest = line.replace(found[0], " ")
    tagged = re.search(r"\((.+)\)", rest)
    words = (
        [tagged[1]]
        if tagged
        else re.split(r"\s+", re.sub(r"\b(md5|sha\d+)\s*=", " ", rest.strip(), flags=re.I))
    )
    name = words[-1].strip(" *=:\t") if words else ""
    return found[0].lower(), name


def _rank(name: str, entry: tuple[str, str]) -> int:
    """Tell how well an entry is about a name: 2 the whole path, 1 its last part, 0 not at all."""
    path = name.partition("?")[0]
    if not entry[1]:
        return 0
    if entry[1] == path or path.endswith(f"/{entry[1].removeprefix('./')}"):
        return 2 if "/" in entry[1] else 1
    return 1 if posixpath.basename(entry[1]) == posixpath.basename(path) else 0


def keep_mode(host: Host, url: str) -> int | None:
    """Return the mode that a source has; None where it has none (the web)."""
    if url.startswith("salt://"):
        found = host.supply.cached(url)
        return None if found is None else found.mode
    if is_remote(url):
        return None
    there = host.stat(url.removeprefix("file://"))
    return None if there is None else there.mode


def signature_is_not_served(given: dict[str, Any]) -> None:
    """Raise NotSupported when a signature is to be checked: a source that nobody checked must not be used."""
    named = [name for name, value in given.items() if value]
    if named:
        raise NotSupported(
            f"{named[0]}: signatures are not checked here",
            hint="give the source_hash of what you have checked",
        )
