"""Ed25519 keys in NATS's form (nkeys). A private key is made on its host and never leaves it."""

from __future__ import annotations

import base64
import os
from enum import IntEnum
from pathlib import Path

import nkeys
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from saltern.foundation import atomic
from saltern.foundation.errors import SettingsError, UsageError


class Kind(IntEnum):
    """What a key stands for; it shows as the first letter of the public key."""

    OPERATOR = nkeys.PREFIX_BYTE_OPERATOR  # O…
    ACCOUNT = nkeys.PREFIX_BYTE_ACCOUNT  # A…
    USER = nkeys.PREFIX_BYTE_USER  # U…


class KeyPair:
    """A private key. Its representation never shows the secret."""

    __slots__ = ("_seed", "_signing", "public")

    def __init__(self, seed: str) -> None:
        try:
            pair = nkeys.from_seed(seed.encode())
            public = pair.public_key
            _, raw = nkeys.decode_seed(seed.encode())
            whole = _is_whole(base64.b32decode(seed + "=" * (-len(seed) % 8)), 36)  # nkeys does not look
        except (nkeys.NkeysError, ValueError) as error:
            raise UsageError("not a valid private key (an nkey seed, 'S…')") from error
        if not whole:
            raise UsageError("not a valid private key: its checksum is wrong", hint="was it copied whole?")
        self._seed = seed
        self._signing = SigningKey(bytes(raw))
        self.public: str = public.decode()

    @classmethod
    def new(cls, kind: Kind) -> KeyPair:
        """Make a key from the system's randomness."""
        return cls(nkeys.encode_seed(os.urandom(32), kind).decode())

    @classmethod
    def load(cls, path: Path) -> KeyPair:
        """Read a key from its 0600 file. Raises SettingsError when it is not one."""
        try:
            return cls(path.read_text().strip())
        except (OSError, UnicodeDecodeError, UsageError) as error:
            raise SettingsError(f"cannot read a private key: {error}", where=str(path)) from error

    @classmethod
    def load_or_make(cls, path: Path, kind: Kind) -> KeyPair:
        """Read the key at ``path``, or make it there."""
        if path.exists():
            return cls.load(path)
        pair = cls.new(kind)
        pair.save(path)
        return pair

    def save(self, path: Path) -> None:
        """Write the seed, private from the first byte."""
        atomic.private_directory(path.parent)
        atomic.write(path, self._seed.encode() + b"\n")

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature of ``data``."""
        return self._signing.sign(data).signature

    def reveal(self) -> str:
        """Return the seed itself. For join tokens and files; nowhere else."""
        return self._seed

    def __repr__(self) -> str:
        return f"KeyPair({self.public})"


class PublicKey:
    """Somebody's public key, ready to check signatures."""

    __slots__ = ("_verify", "text")

    def __init__(self, text: str) -> None:
        """Raises UsageError when ``text`` is no public key (form, length, checksum)."""
        try:
            raw = base64.b32decode(text.encode("ascii"))
        except (ValueError, UnicodeEncodeError) as error:
            raise UsageError("not a public key: it is not base 32") from error
        if not _is_whole(raw, 35):
            raise UsageError("not a public key: its checksum is wrong", hint="was it copied whole?")
        self.text = text
        self._verify = VerifyKey(raw[1:33])

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` over ``data`` was made with this key."""
        try:
            self._verify.verify(data, signature)
        except (BadSignatureError, ValueError):
            return False
        return True


def _is_whole(raw: bytes, length: int) -> bool:
    """Tell whether a decoded key has its length, and the checksum that is in its last two bytes."""
    return len(raw) == length and int.from_bytes(raw[-2:], "little") == nkeys.crc16(bytearray(raw[:-2]))
