"""NATS JWTs (version 2): what the broker believes about operators, accounts and users."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from saltern.foundation.errors import BadMessage
from saltern.identity.keys import KeyPair

_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_NO_LIMIT = -1


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What we read back of a JWT. ``exp`` 0 is never; times are seconds since the epoch."""

    sub: str
    iss: str
    iat: int = 0
    exp: int = 0
    name: str = ""


def operator_jwt(operator: KeyPair, system_account: str) -> str:
    """Return the operator's own JWT. ``system_account`` is that account's public key."""
    return _sign(
        operator,
        subject=operator.public,
        name="saltern",
        nats={"type": "operator", "version": 2, "system_account": system_account},
    )


def account_jwt(
    operator: KeyPair,
    account: str,
    name: str,
    *,
    signing_keys: Sequence[str] = (),
    revocations: dict[str, int] | None = None,
    jetstream: bool = False,
    issued: float,
) -> str:
    """Return an account's JWT, signed by the operator.

    ``revocations`` maps a user's public key to a time: its JWTs issued until then are void.
    """
    limits: dict[str, Any] = dict.fromkeys(
        ("subs", "data", "payload", "imports", "exports", "conn", "leaf"), _NO_LIMIT
    ) | {"wildcards": True}
    if jetstream:
        limits |= dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), _NO_LIMIT)
    nats: dict[str, Any] = {"type": "account", "version": 2, "limits": limits, "default_permissions": {}}
    if signing_keys:
        nats["signing_keys"] = list(signing_keys)
    if revocations:
        nats["revocations"] = revocations
    return _sign(operator, subject=account, name=name, nats=nats, issued=issued)


def user_jwt(
    signer: KeyPair,
    account: str,
    user: str,
    name: str,
    *,
    publish: Sequence[str],
    subscribe: Sequence[str],
    issued: float,
    expires: float | None,
    bearer: bool = False,
    responses: int = 0,
) -> str:
    """Return a user's JWT: exactly these subjects and no others.

    ``signer`` is the account's key or one of its signing keys; ``responses`` is how many replies it may
    send to a request it received; a ``bearer`` JWT works without its private key.
    """
    nats: dict[str, Any] = {
        "type": "user",
        "version": 2,
        "issuer_account": account,
        "pub": _only(publish),
        "sub": _only(subscribe),
        "subs": _NO_LIMIT,
        "data": _NO_LIMIT,
        "payload": _NO_LIMIT,
    }
    if signer.public == account:
        del nats["issuer_account"]
    if bearer:
        nats["bearer_token"] = True
    if responses:
        nats["resp"] = {"max": responses, "ttl": 60_000_000_000}
    return _sign(signer, subject=user, name=name, nats=nats, issued=issued, expires=expires)


def read(token: str) -> Claims:
    """Return the claims of a JWT without checking who signed it (the broker does). Raises BadMessage."""
    try:
        _, body, _ = token.split(".")
        return msgspec.json.decode(_unbase64(body), type=Claims)
    except (ValueError, msgspec.DecodeError) as error:
        raise BadMessage("not a NATS JWT") from error


def _only(subjects: Sequence[str]) -> dict[str, list[str]]:
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def _sign(
    signer: KeyPair,
    *,
    subject: str,
    name: str,
    nats: dict[str, Any],
    issued: float = 0,
    expires: float | None = None,
) -> str:
    claims: dict[str, Any] = {
        "iat": int(issued),
        "iss": signer.public,
        "name": name,
        "sub": subject,
        "nats": nats,
    }
    if expires is not None:
        claims["exp"] = int(expires)
    digest = hashlib.new("sha512_256", msgspec.json.encode(claims)).digest()
    claims["jti"] = base64.b32encode(digest).decode().rstrip("=")
    head = _base64(msgspec.json.encode(_HEADER)) + "." + _base64(msgspec.json.encode(claims))
    return head + "." + _base64(signer.sign(head.encode()))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
