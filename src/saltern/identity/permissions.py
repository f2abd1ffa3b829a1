"""Which subjects belong to whom. The broker enforces exactly these."""

from __future__ import annotations

from saltern.identity import jwt
from saltern.identity.keys import KeyPair
from saltern.model.ids import AgentKey

#: Where answers to those without an identity go.
OPEN_INBOX = "_open"


def agent_inbox(key: AgentKey) -> str:
    """Return the prefix of the only subjects where this agent hears answers."""
    return f"_in.{key}"


def token_inbox(token: str) -> str:
    """Return the prefix where the holder of a join token hears answers."""
    return f"_in.{token}"


def agent_jwt(
    signer: KeyPair, account: str, key: AgentKey, name: str, *, issued: float, expires: float
) -> str:
    """Return the credential of an enrolled agent: its own subjects, nothing else."""
    return jwt.user_jwt(
        signer,
        account,
        key,
        name,
        publish=[
            f"ret.{key}.*",
            f"live.{key}.*",
            f"blob.{key}.*.*",
            f"event.{key}.>",
            f"rpc.{key}.*",
            f"$KV.grains.{key}",
        ],
        subscribe=[f"job.{key}", f"{agent_inbox(key)}.>"],
        issued=issued,
        expires=expires,
    )


def token_jwt(signer: KeyPair, account: str, token: str, *, issued: float, expires: float) -> str:
    """Return the credential inside a join token: it can ask to enrol and hear the answer."""
    return jwt.user_jwt(
        signer,
        account,
        token,
        "join-token",
        publish=[f"enrol.{token}"],
        subscribe=[f"{token_inbox(token)}.>"],
        issued=issued,
        expires=expires,
    )


def open_jwt(signer: KeyPair, account: str, user: str, *, issued: float) -> str:
    """Return the credential of those who come with none: they can ask to be taken in, no more."""
    return jwt.user_jwt(
        signer,
        account,
        user,
        "open",
        publish=["enrol.open"],
        subscribe=[f"{OPEN_INBOX}.>"],
        issued=issued,
        expires=None,
        bearer=True,
    )


def controller_jwt(signer: KeyPair, account: str, user: str, *, issued: float) -> str:
    """Return a controller's credential: the whole account."""
    return jwt.user_jwt(
        signer, account, user, "controller", publish=[">"], subscribe=[">"], issued=issued, expires=None
    )
