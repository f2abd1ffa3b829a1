"""Random texts, numbers and choices; with a seed always the same."""

from __future__ import annotations

import base64
import binascii
import hashlib
import random
import secrets
import string
from typing import Any

from saltern.sdk import BadArgument, Host

_system = random.SystemRandom()

Seed = int | float | str | None


def get_str(
    host: Host,
    length: int = 20,
    chars: str | None = None,
    lowercase: bool = True,
    uppercase: bool = True,
    digits: bool = True,
    punctuation: bool = True,
    whitespace: bool = False,
    printable: bool = False,
) -> str:
    """Return a text that nobody can guess, of ``chars``, else of the kinds of characters chosen.

    Example:
        saltern run '*' random.get_str 32 punctuation=False
    """
    kinds = {
        string.ascii_lowercase: lowercase,
        string.ascii_uppercase: uppercase,
        string.digits: digits,
        string.punctuation: punctuation,
        string.whitespace: whitespace,
    }
    chosen = "".join(kind for kind, wanted in kinds.items() if wanted)
    alphabet = chars if chars else string.printable if printable else chosen
    if not alphabet:
        raise BadArgument("no kind of characters is left to choose from")
    return "".join(secrets.choice(alphabet) for _ in range(length))


def hash_(host: Host, value: str, algorithm: str = "sha512") -> str:
    """Return a text's hash in hexadecimal.

    Example:
        saltern run '*' random.hash 'I am a string' md5
    """
    if algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
        raise BadArgument(f"there is no hash {algorithm!r}", hint="for example sha512, sha256, md5")
    return hashlib.new(algorithm, value.encode(), usedforsecurity=False).hexdigest()


def str_encode(host: Host, value: str, encoder: str = "base64") -> str:
    """Return a text in ``base64`` or ``hex``.

    Example:
        saltern run '*' random.str_encode 'I am a new string' base64
    """
    if encoder == "base64":
        return base64.b64encode(value.encode()).decode()
    if encoder == "hex":
        return binascii.hexlify(value.encode()).decode()
    raise BadArgument(f"there is no encoder {encoder!r}", hint="there are base64 and hex")


def seed(host: Host, range: int = 10, hash: str | None = None) -> int:
    """Return a number below ``range`` that is always the same for this machine, or for the text ``hash``.

    Example:
        saltern run '*' random.seed 60
    """
    chosen = str(host.grains.get("id", "")) if hash is None else hash
    return random.Random(chosen).randrange(range)  # noqa: S311  meant to repeat


def rand_int(host: Host, start: int = 1, end: int = 10, seed: Seed = None) -> int:
    """Return a number of at least ``start`` and at most ``end``; with a seed always the same.

    Example:
        saltern run '*' random.rand_int 1 10
    """
    return _chooser(seed).randint(start, end)


def sample(host: Host, value: list[Any], size: int, seed: Seed = None) -> list[Any]:
    """Return so many of a list's members, in any order; with a seed always the same.

    Example:
        saltern run '*' random.sample '[a, b, c]' 2 seed=web
    """
    if not 0 <= size <= len(value):
        raise BadArgument(f"{size} of {len(value)} members can't be chosen")
    return _chooser(_spread(seed)).sample(value, size)


def shuffle(host: Host, value: list[Any], seed: Seed = None) -> list[Any]:
    """Return a list's members in any order; with a seed always the same.

    Example:
        saltern run '*' random.shuffle '[a, b, c]' seed=web
    """
    return _chooser(_spread(seed)).sample(value, len(value))


def shadow_hash(
    host: Host, crypt_salt: str | None = None, password: str | None = None, algorithm: str = "sha512"
) -> str:
    """Return a password, or a random one, as ``/etc/shadow`` holds it; ``crypt_salt`` is with the method.

    Example:
        saltern run '*' random.shadow_hash password=geheim algorithm=sha512
    """
    from saltern.library import _crypt

    chosen = secrets.token_urlsafe(15) if password is None else password
    return _crypt.hashed(chosen, _crypt.setting(algorithm, crypt_salt or ""))


def _spread(seed: Seed) -> Seed:
    """Return what Salt makes of a seed for choices, so that they are the same."""
    return None if seed is None else hashlib.sha512(str(seed).encode()).hexdigest()


def _chooser(seed: Seed) -> random.Random:
    return _system if seed is None else random.Random(seed)  # noqa: S311  meant to repeat
