"""The keys that repositories are signed with: fetched, checked, and laid where apt looks for them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from saltern.sdk import BadArgument, Conflict, Host, NotFound, Unavailable
from saltern.sdk.http import Request

KEYSERVER = "keyserver.ubuntu.com"
_LARGEST = 4 * 1024 * 1024
_BEGIN, _END = b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"-----END PGP PUBLIC KEY BLOCK-----"
_ID = re.compile(r"(?:0x)?([0-9A-Fa-f]{8,40})", re.ASCII)


def fetch(host: Host, url: str) -> bytes:
    """Return the key at an address: ``salt://``, ``https://``, a path. Raises NotFound, Unavailable."""
    if url.startswith("salt://"):
        data = host.supply.file(url)
        if data is None:
            raise NotFound(f"{url}: no such file in the file roots")
        return data
    if url.startswith("/"):
        return host.read(url)
    answer = host.http(Request(url=url, limit=_LARGEST))
    if not answer.ok:
        raise Unavailable(f"{url}: the server answers {answer.status}")
    return answer.body


def from_keyserver(host: Host, key_id: str, keyserver: str = KEYSERVER) -> bytes:
    """Return a key by its id; one that is not the one asked for is refused.

    Raises BadArgument, Conflict, Unavailable.
    """
    found = _ID.fullmatch(str(key_id).replace(" ", ""))
    if found is None:
        raise BadArgument(
            f"{key_id!r} is no key id", hint="8 to 40 hexadecimal digits; quote what looks like a number"
        )
    base = keyserver or KEYSERVER
    if base.startswith("hkp://"):
        base = "http://" + base.removeprefix("hkp://") + ("" if ":" in base[6:] else ":11371")
    elif "://" not in base:
        base = f"https://{base}"
    data = fetch(host, f"{base.rstrip('/')}/pks/lookup?op=get&options=mr&search=0x{quote(found[1])}")
    if not any(one.endswith(found[1].upper()) for one in fingerprints(data)):
        raise Conflict(f"{base} sent another key than {key_id}", hint="trust no key that it sends")
    return data


def binary(data: bytes) -> bytes:
    """Return a key, or several, without armor. Raises BadArgument for what is no key."""
    if _BEGIN not in data:
        if not data or not data[0] & 0x80:
            raise BadArgument("this is no OpenPGP key")
        return data
    blocks = [part.partition(_END)[0] for part in data.split(_BEGIN)[1:]]
    return b"".join(_unarmored(block) for block in blocks)


def _unarmored(block: bytes) -> bytes:
    lines = block.replace(b"\r", b"").split(b"\n")
    start = next((number for number, line in enumerate(lines[1:], 1) if not line.strip()), 0)
    body = [line.strip() for line in lines[start:] if line.strip() and not line.startswith(b"=")]
    try:
        return base64.b64decode(b"".join(body), validate=True)
    except binascii.Error as error:
        raise BadArgument(f"this OpenPGP key is damaged: {error}") from error


def armored(data: bytes) -> bytes:
    """Return a key with armor."""
    if _BEGIN in data:
        return data
    text = base64.b64encode(binary(data))
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join([_BEGIN, b"", *lines, _END, b""])


def fitting(path: str, data: bytes) -> bytes:
    """Return a key as apt wants it in a file of this name: ``.gpg`` without armor, ``.asc`` with it."""
    if path.endswith(".gpg"):
        return binary(data)
    return armored(data) if path.endswith(".asc") else data


def fingerprints(data: bytes) -> list[str]:
    """Return the fingerprints of the keys and subkeys in some key data (version 4)."""
    found = []
    for tag, body in _packets(binary(data)):
        if tag in (6, 14) and body[:1] == b"\x04":
            whole = b"\x99" + len(body).to_bytes(2, "big") + body
            found.append(hashlib.sha1(whole, usedforsecurity=False).hexdigest().upper())
    return found


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give tag and body of each packet. Raises BadArgument where the data is cut off."""
    place = 0
    while place < len(data):
        tag, length, place = _header(data, place)
        if place + length > len(data):
            raise BadArgument("this OpenPGP key is cut off")
        yield tag, data[place : place + length]
        place += length


def _header(data: bytes, place: int) -> tuple[int, int, int]:
    """Return a packet's tag, its body's length, and where that begins."""
    try:
        first = data[place]
        if not first & 0x80:
            raise BadArgument("this is no OpenPGP key")
        if first & 0x40:
            return first & 0x3F, *_new_length(data, place + 1)
        size = (1, 2, 4, 0)[first & 0x03]
        if not size:
            return (first >> 2) & 0x0F, len(data) - place - 1, place + 1
        length = int.from_bytes(data[place + 1 : place + 1 + size], "big")
        return (first >> 2) & 0x0F, length, place + 1 + size
    except IndexError:
        raise BadArgument("this OpenPGP key is cut off") from None


def _new_length(data: bytes, place: int) -> tuple[int, int]:
    first = data[place]
    if first < 192:
        return first, place + 1
    if first < 224:
        return ((first - 192) << 8) + data[place + 1] + 192, place + 2
    if first == 255:
        return int.from_bytes(data[place + 1 : place + 5], "big"), place + 5
    raise BadArgument("this OpenPGP key is written in parts, which keys never are")


def together(parts: Sequence[bytes]) -> bytes:
    """Return several keys as one file."""
    return parts[0] if len(parts) == 1 else b"".join(binary(part) for part in parts)
