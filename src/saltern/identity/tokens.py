"""Join tokens: one string that lets a machine in."""

from __future__ import annotations

import base64
import zlib

import msgspec

from saltern.foundation.errors import UsageError
from saltern.identity.keys import KeyPair, Kind

_PREFIX = "saltern1."


class JoinToken(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What the string holds: where to go, whom to trust there, and a credential that can only enrol."""

    urls: tuple[str, ...]
    ca: str
    host: str
    jwt: str
    seed: str

    def __repr__(self) -> str:
        return f"JoinToken({self.id})"

    @property
    def id(self) -> str:
        """The token's public key; the only part that may be stored, shown and logged."""
        return KeyPair(self.seed).public

    def text(self) -> str:
        """Return the string to hand over."""
        body = zlib.compress(msgspec.msgpack.encode(self), 9)
        return _PREFIX + base64.urlsafe_b64encode(body).decode().rstrip("=")


def new_key() -> KeyPair:
    """Make the key of a new token."""
    return KeyPair.new(Kind.USER)


def read(text: str) -> JoinToken:
    """Return the token in ``text``. Raises UsageError when it is cut short or not one."""
    text = "".join(text.split())
    if not text.startswith(_PREFIX):
        raise UsageError("that is not a join token", hint="`saltern token create` makes one")
    try:
        coded = text[len(_PREFIX) :]
        body = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4))
        unpacker = zlib.decompressobj()
        token = msgspec.msgpack.decode(unpacker.decompress(body, 16_384), type=JoinToken)
        if not unpacker.eof:
            raise ValueError("it is cut short, before its checksum")
        KeyPair(token.seed)
    except (ValueError, zlib.error, msgspec.DecodeError, UsageError) as error:
        raise UsageError("that join token is damaged", hint="was it copied whole?") from error
    return token
