"""Who may be taken in: the decision, as a pure function of what is known."""

from __future__ import annotations

import fnmatch
from enum import StrEnum
from typing import NamedTuple

import msgspec

from saltern.foundation.errors import UsageError
from saltern.identity.keys import KeyPair, PublicKey
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import is_agent_key, is_agent_name

#: What the proof signs, besides the facts.
PURPOSE = b"saltern enrol 1\x00"


def prove(pair: KeyPair, subject: str, name: str, nonce: bytes) -> bytes:
    """Return the proof that we hold the private key, for this request on this subject only."""
    return pair.sign(_statement(subject, pair.public, name, nonce))


def _statement(subject: str, key: str, name: str, nonce: bytes) -> bytes:
    return PURPOSE + b"\x00".join((subject.encode(), key.encode(), name.encode(), nonce))


class Request(NamedTuple):
    """Somebody asks to be taken in. ``proof`` is what ``prove`` returned there; ``nonce`` has 32 bytes."""

    key: str
    name: str
    nonce: bytes
    proof: bytes


class Answer(StrEnum):
    """What becomes of a request."""

    ACCEPT = "accept"
    WAIT = "wait"
    REFUSE = "refuse"


class Verdict(msgspec.Struct, frozen=True):
    """The decision and, when refused, why."""

    answer: Answer
    code: str = ""
    message: str = ""
    hint: str = ""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that the decision depends on."""

    same_key: Agent | None
    same_name: Agent | None  # another key that is accepted under that name
    token_pattern: str | None  # None: no token
    pending: int
    pending_limit: int
    token_refusal: str = ""  # why the token is no good now; empty: it is


def decide(request: Request, subject: str, known: Known) -> Verdict:
    """Return what to do with ``request`` that came on ``subject``.

    A key already accepted is answered again, so that a lost answer does no harm. A revoked or rejected key
    never comes back. A name that another accepted key has is refused.
    """
    if not is_agent_key(request.key) or not is_agent_name(request.name):
        return _no(
            "bad_request", f"{request.name!r} is not a name an agent may have", "letters, digits, . _ -"
        )
    try:
        signer = PublicKey(request.key)
    except UsageError as error:
        return _no("bad_request", error.message)
    if len(request.nonce) != 32 or not signer.verifies(
        _statement(subject, request.key, request.name, request.nonce), request.proof
    ):
        return _no("no_proof", "the request is not signed with the key it names")
    if known.same_key is not None and known.same_key.state in (KeyState.REVOKED, KeyState.REJECTED):
        return _no("revoked", f"this key is {known.same_key.state}", "remove the agent's state and join anew")
    if known.same_key is not None and known.same_key.state is KeyState.ACCEPTED:
        if known.same_key.name != request.name:
            return _no("renamed", f"this key is enrolled as {known.same_key.name!r}", "delete the key first")
        return Verdict(Answer.ACCEPT)
    if known.same_name is not None:
        return _no(
            "duplicate_name",
            f"the name {request.name!r} belongs to another agent, {known.same_name.fingerprint}",
            f"choose another with --name, or `saltern key delete {request.name}` on the controller",
        )
    if known.token_pattern is None:
        if known.same_key is None and known.pending >= known.pending_limit:
            return _no("too_many_pending", "too many agents wait to be accepted", "use a join token")
        return Verdict(Answer.WAIT)
    if known.token_refusal:
        return _no("token", known.token_refusal, "`saltern token create` makes a new one")
    if not fnmatch.fnmatchcase(request.name, known.token_pattern):
        return _no("token", f"this token is for names like {known.token_pattern!r}, not {request.name!r}")
    return Verdict(Answer.ACCEPT)


def _no(code: str, message: str, hint: str = "") -> Verdict:
    return Verdict(Answer.REFUSE, code, message, hint)
