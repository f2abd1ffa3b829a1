"""``salt.utils.hashutils``: digests and Base64."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from saltern.engine.legacy.compat.utils.stringutils import to_bytes


def get_hash(path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """Return a file's digest."""
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, form).hexdigest()


def sha256_digest(instr: str | bytes) -> str:
    """Return a SHA-256."""
    return hashlib.sha256(to_bytes(instr)).hexdigest()


def sha512_digest(instr: str | bytes) -> str:
    """Return a SHA-512."""
    return hashlib.sha512(to_bytes(instr)).hexdigest()


def md5_digest(instr: str | bytes) -> str:
    """Return an MD5."""
    return hashlib.md5(to_bytes(instr), usedforsecurity=False).hexdigest()


def sha1_digest(instr: str | bytes) -> str:
    """Return a SHA-1."""
    return hashlib.sha1(to_bytes(instr), usedforsecurity=False).hexdigest()


def base64_b64encode(instr: str | bytes) -> str:
    """Return Base64."""
    return base64.b64encode(to_bytes(instr)).decode()


def base64_encodestring(instr: str | bytes) -> str:
    """Return Base64 in lines."""
    return base64.encodebytes(to_bytes(instr)).decode()


def base64_b64decode(instr: str) -> str | bytes:
    """Return what Base64 stands for: text where it is."""
    found = base64.b64decode(instr)
    try:
        return found.decode()
    except UnicodeDecodeError:
        return found


base64_decodestring = base64_b64decode


def hmac_signature(string: str, shared_secret: str, challenge_hmac: str) -> bool:
    """Tell whether a signature (HMAC-SHA256, Base64) is right."""
    made = hmac.new(to_bytes(shared_secret), to_bytes(string), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(made), to_bytes(challenge_hmac))


def random_hash(size: int = 9999999999, hash_type: str = "sha256") -> str:
    """Return a digest that nobody can guess."""
    return hashlib.new(hash_type, secrets.token_bytes(64)).hexdigest()
