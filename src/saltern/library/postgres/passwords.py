"""Passwords as PostgreSQL keeps them, made here so that no statement holds a plain one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from saltern.sdk import BadArgument

_MD5 = re.compile(r"md5[0-9a-f]{32}")
_SCRAM = re.compile(
    r"SCRAM-SHA-256\$(?P<rounds>\d+):(?P<salt>[A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}"
)
_ROUNDS = 4096


def is_kept_form(text: str) -> bool:
    """Tell whether a password is written as PostgreSQL keeps one."""
    return bool(_MD5.fullmatch(text) or _SCRAM.fullmatch(text))


def kept(password: str, role: str, how: str) -> str:
    """Return a password as it is to be kept: ``md5``, ``scram-sha-256``, or ``plain`` for as it is.

    Raises BadArgument for another way.
    """
    if is_kept_form(password) or how == "plain":
        return password
    if how == "md5":
        return _md5(password, role)
    if how == "scram-sha-256":
        return _scram(password, secrets.token_bytes(16), _ROUNDS)
    raise BadArgument(f"encrypted = {how!r} is no way to keep a password", hint="write md5 or scram-sha-256")


def is_kept_as(stored: str, password: str, role: str, how: str) -> bool:
    """Tell whether what is stored is this password, kept that way; ``plain`` and "" mean any way."""
    if is_kept_form(password):
        return hmac.compare_digest(stored, password)
    found = _SCRAM.fullmatch(stored)
    if how not in ("plain", "") and how != ("scram-sha-256" if found else "md5"):
        return False
    if found is None:
        return hmac.compare_digest(stored.encode(), _md5(password, role).encode())
    again = _scram(password, base64.b64decode(found["salt"]), int(found["rounds"]))
    return hmac.compare_digest(stored, again)


def _md5(password: str, role: str) -> str:
    return "md5" + hashlib.md5((password + role).encode(), usedforsecurity=False).hexdigest()


def _scram(password: str, salt: bytes, rounds: int) -> str:
    """Return what RFC 5802 has a server keep."""
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password).encode(), salt, rounds)
    client, server = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    encoded = [base64.b64encode(one).decode() for one in (salt, stored, server)]
    return f"SCRAM-SHA-256${rounds}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def _prepared(password: str) -> str:
    """Return a password as SASLprep (RFC 4013) has it; one that it forbids as it is, as PostgreSQL does."""
    import stringprep
    import unicodedata

    if password.isascii():
        return password
    spaced = (" " if stringprep.in_table_c12(one) else one for one in password)
    kept = "".join(one for one in spaced if not stringprep.in_table_b1(one))
    text = unicodedata.ucd_3_2_0.normalize("NFKC", kept)
    return text if text and not _is_forbidden(text) else password


def _is_forbidden(text: str) -> bool:
    import stringprep

    tables = (
        stringprep.in_table_a1,
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
    if any(table(one) for one in text for table in tables):
        return True
    right_to_left = [stringprep.in_table_d1(one) for one in text]
    if not any(right_to_left):
        return False
    return any(map(stringprep.in_table_d2, text)) or not (right_to_left[0] and right_to_left[-1])
