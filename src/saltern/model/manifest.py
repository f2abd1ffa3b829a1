"""A tree of files as a value: its manifest, in chunks, each addressed by its content.

The items are sorted by path and cut into chunks where a checksum of the path says so, so that a change in one
place changes one chunk. The root lists the chunks; its SHA-256 is the name of the whole tree. Who has an
older tree lacks the root and the chunks that changed, and nothing else.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from saltern.foundation.errors import BadMessage

#: Content is stored and sent in pieces of so many bytes; an empty file has one piece, without any.
PIECE = 512 * 1024
#: One path in so many is the last of its chunk.
_CUT = 256
#: Items of a chunk at most, whatever the checksums say.
_LONGEST = 2048

T = TypeVar("T")


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One path. ``sha256`` is empty for what has no content; a directory's path ends with a slash.

    ``mode`` is permission bits; ``link`` where a symbolic link points, as written; the rest is then of the
    file it leads to.
    """

    path: str
    sha256: bytes = b""
    size: int = 0
    mode: int = 0o644
    link: str | None = None


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A chunk: SHA-256 and size of its bytes."""

    sha256: bytes
    size: int


class Root(msgspec.Struct, frozen=True, array_like=True):
    """What the name of a tree is the SHA-256 of."""

    format: int
    chunks: tuple[Part, ...]


class Manifest(NamedTuple):
    """A tree's name, and the bytes of everything that describes it, by SHA-256."""

    sha256: bytes
    size: int
    blobs: dict[bytes, bytes]


def pieces_of(size: int) -> int:
    """Return in how many pieces ``size`` bytes are sent."""
    return max(1, -(-size // PIECE))


_encoder = msgspec.msgpack.Encoder()


def build(items: Sequence[Item]) -> Manifest:
    """Return the manifest of ``items``, which are sorted by path."""
    blobs: dict[bytes, bytes] = {}
    parts: list[Part] = []
    for chunk in _cut(items):
        data = _encoder.encode(chunk)
        digest = hashlib.sha256(data).digest()
        blobs[digest] = data
        parts.append(Part(digest, len(data)))
    data = _encoder.encode(Root(1, tuple(parts)))
    digest = hashlib.sha256(data).digest()
    return Manifest(digest, len(data), blobs | {digest: data})


def _cut(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    start = 0
    for position, item in enumerate(items, 1):
        is_last = zlib.crc32(item.path.encode("utf-8", "surrogateescape")) % _CUT == 0
        if is_last or position - start == _LONGEST or position == len(items):
            yield items[start:position]
            start = position


def read_root(data: bytes) -> Root:
    """Return the root in ``data``. Raises BadMessage."""
    root = _read(data, Root, "a manifest's root")
    if root.format != 1:
        raise BadMessage(f"a manifest of format {root.format}; this side knows format 1")
    return root


def read_chunk(data: bytes) -> list[Item]:
    """Return the items in ``data``. Raises BadMessage."""
    return _read(data, list[Item], "a manifest's chunk")


def _read(data: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(f"not {what}: {error}") from error
