"""Joining a controller: with a token, or by waiting to be accepted."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from typing import NamedTuple

import saltern
from saltern.agent.credential import Credential, Identity
from saltern.foundation.errors import Conflict, NotAllowed, Unavailable, UsageError
from saltern.foundation.layout import Layout
from saltern.identity import certificates, enrolment, permissions, tokens
from saltern.identity.keys import KeyPair
from saltern.messages.v1 import (
    AskAuthority,
    Authority,
    Denied,
    Enrol,
    Enrolled,
    Pending,
    decode,
    encode,
)
from saltern.model.ids import fingerprint, is_agent_name
from saltern.transport.connection import Connection, Endpoint, connect
from saltern.transport.connection import Credential as Login

#: Seconds an enrolment may take.
_TIMEOUT = 20.0


class Joined(NamedTuple):
    """How it went. ``fingerprint`` is what the controller shows for this key."""

    name: str
    fingerprint: str
    urls: tuple[str, ...]


def default_name() -> str:
    """Return this host's full name, or its short one where it has no domain."""
    full = socket.getfqdn().rstrip(".").lower()
    name = full if full and not full.startswith("localhost") and is_agent_name(full) else socket.gethostname()
    return name.lower()


def by_token(layout: Layout, text: str, name: str | None = None) -> Joined:
    """Join with a token. Raises UsageError, Conflict, NotAllowed, Unavailable."""
    token = tokens.read(text)
    endpoint = Endpoint(token.urls, token.ca, token.host)
    pair = KeyPair(token.seed)
    return asyncio.run(
        _join(
            layout,
            endpoint,
            Login(token.jwt, pair),
            f"enrol.{pair.public}",
            permissions.token_inbox(pair.public),
            _name(name),
            lambda shown: None,
        )
    )


def by_waiting(
    layout: Layout,
    url: str,
    *,
    name: str | None = None,
    trust: Callable[[str], bool],
    waiting: Callable[[str], None],
) -> Joined:
    """Join without a token: wait until an operator accepts this key.

    ``trust`` is asked whether the CA with that fingerprint is the controller's; ``waiting`` is told our own
    fingerprint, to compare with the one in ``saltern key list``.
    """
    if not url.startswith("tls://"):
        url = f"tls://{url}"
    if url.count(":") < 2:
        url += ":4222"
    return asyncio.run(_join_open(layout, url, _name(name), trust, waiting))


def _name(name: str | None) -> str:
    chosen = name or default_name()
    if not is_agent_name(chosen):
        raise UsageError(f"{chosen!r} cannot be an agent's name", hint="letters, digits, '.', '_' and '-'")
    return chosen


async def _join_open(
    layout: Layout, url: str, name: str, trust: Callable[[str], bool], waiting: Callable[[str], None]
) -> Joined:
    inbox = f"{permissions.OPEN_INBOX}.{secrets.token_hex(16)}"
    unverified = Endpoint((url,), "", certificates.BROKER_NAME)
    connection = await connect(unverified, None, name="join", inbox=inbox, verify=False)
    try:
        answer = decode(
            await connection.request("enrol.open", encode(AskAuthority()), _TIMEOUT), Authority, Denied
        )
    finally:
        await connection.close()
    if isinstance(answer, Denied):
        raise NotAllowed(answer.message, hint=answer.hint)
    if not trust(certificates.fingerprint(answer.ca)):
        raise NotAllowed("the controller is not trusted", hint="compare with: saltern fabric fingerprint")
    endpoint = Endpoint((url,), answer.ca, certificates.BROKER_NAME)
    return await _join(layout, endpoint, None, "enrol.open", inbox, name, waiting)


async def _join(
    layout: Layout,
    endpoint: Endpoint,
    login: Login | None,
    subject: str,
    inbox: str,
    name: str,
    waiting: Callable[[str], None],
) -> Joined:
    identity = Identity(layout.agent)
    if identity.joined:
        raise Conflict(
            f"this agent has joined already, as {identity.credential().name}",
            hint=f"to join anew, stop it and remove {layout.agent}",
        )
    pair = identity.pair()
    connection = await connect(endpoint, login, name="join", inbox=inbox)
    try:
        enrolled = await _ask(connection, pair, subject, name, waiting)
    finally:
        await connection.close()
    identity.save(Credential.of(enrolled))
    return Joined(enrolled.name, fingerprint(pair.public), enrolled.urls)


async def _ask(
    connection: Connection, pair: KeyPair, subject: str, name: str, waiting: Callable[[str], None]
) -> Enrolled:
    told = False
    while True:
        nonce = os.urandom(32)
        request = Enrol(
            key=pair.public,  # type: ignore[arg-type]
            name=name,
            nonce=nonce,
            proof=enrolment.prove(pair, subject, name, nonce),
            version=saltern.__version__,
        )
        answer = decode(
            await connection.request(subject, encode(request), _TIMEOUT), Enrolled, Pending, Denied
        )
        if isinstance(answer, Enrolled):
            return answer
        if isinstance(answer, Denied):
            raise NotAllowed(answer.message, hint=answer.hint)
        if not told:
            waiting(answer.fingerprint)
            told = True
        await asyncio.sleep(min(max(answer.retry, 1.0), 60.0))
        if connection.closed.is_set():
            raise Unavailable("the connection was lost while waiting", hint="run it again: the key stays")
