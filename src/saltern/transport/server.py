"""The broker's own events and commands, on its system account: connections, kicks, account changes."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from saltern.foundation.errors import Unavailable
from saltern.transport.connection import Connection, Message

#: Seconds for the first answer, while the broker lets a fleet in.
_PATIENCE = 20.0
#: Connections are listed in pages of this many.
_PAGE = 1024
#: Connections that may end between two pages without another being missed: the pages overlap by so many.
_OVERLAP = 256


class Client(NamedTuple):
    """A client's connection to a broker. ``user`` is its public key, ``started`` seconds since the epoch."""

    server: str
    number: int
    user: str
    name: str
    address: str
    started: float


class _Server(msgspec.Struct):
    id: str = ""


class _Party(msgspec.Struct):
    id: int = 0
    user: str = ""
    name: str = ""
    host: str = ""
    acc: str = ""
    start: str = ""


class _Report(msgspec.Struct):
    server: _Server = msgspec.field(default_factory=_Server)
    client: _Party = msgspec.field(default_factory=_Party)


class _Listed(msgspec.Struct):
    cid: int = 0
    ip: str = ""
    port: int = 0
    name: str = ""
    start: str = ""
    authorized_user: str = ""


class _Page(msgspec.Struct):
    total: int = 0
    offset: int = 0
    connections: list[_Listed] = []


class _Answer(msgspec.Struct):
    server: _Server = msgspec.field(default_factory=_Server)
    data: _Page | None = None


_report = msgspec.json.Decoder(_Report)
_answer = msgspec.json.Decoder(_Answer)


def connect_subject(account: str) -> str:
    """Return the subject on which the broker reports new connections."""
    return f"$SYS.ACCOUNT.{account}.CONNECT"


def disconnect_subject(account: str) -> str:
    """Return the subject on which the broker reports ended ones."""
    return f"$SYS.ACCOUNT.{account}.DISCONNECT"


def reported(message: Message) -> Client:
    """Return the connection that a connect or disconnect event is about."""
    report = _report.decode(message.data)
    party = report.client
    return Client(report.server.id, party.id, party.user, party.name, party.host, _seconds(party.start))


async def clients(system: Connection, account: str, patience: float = 0.25) -> list[Client]:
    """Return all connections of the account, on every server of the cluster.

    After one server has answered the others have ``patience`` seconds. Raises Unavailable.
    """
    found: dict[tuple[str, int], Client] = {}
    offset = 0
    while True:
        question = {"auth": True, "offset": offset, "limit": _PAGE}
        pages = await _ask_all(system, f"$SYS.REQ.ACCOUNT.{account}.CONNZ", question, patience)
        for page in pages:
            assert page.data is not None
            found |= {
                (page.server.id, each.cid): _client(page.server.id, each) for each in page.data.connections
            }
        if all(page.data is None or page.data.total <= offset + _PAGE for page in pages):
            return list(found.values())
        offset += _PAGE - _OVERLAP


def _client(server: str, listed: _Listed) -> Client:
    return Client(server, listed.cid, listed.authorized_user, listed.name, listed.ip, _seconds(listed.start))


async def _ask_all(
    system: Connection, subject: str, question: dict[str, Any], patience: float
) -> list[_Answer]:
    answers: asyncio.Queue[_Answer] = asyncio.Queue()

    async def on_answer(message: Message) -> None:
        answer = _answer.decode(message.data)
        if answer.data is not None:
            answers.put_nowait(answer)

    inbox = system.client.new_inbox()
    subscription = await system.subscribe(inbox, on_answer)
    try:
        await system.publish(subject, msgspec.json.encode(question), reply=inbox)
        found = [await asyncio.wait_for(answers.get(), _PATIENCE)]
        while True:
            try:
                found.append(await asyncio.wait_for(answers.get(), patience))
            except TimeoutError:
                return found
    except TimeoutError as error:
        raise Unavailable("the broker does not list its connections") from error
    finally:
        await subscription.end()


async def kick(system: Connection, server: str, number: int) -> None:
    """Close one connection. The client may try again."""
    await system.request(f"$SYS.REQ.SERVER.{server}.KICK", msgspec.json.encode({"cid": number}))


async def update_account(system: Connection, token: str) -> None:
    """Give the broker a new JWT of an account: users revoked in it are dropped at once."""
    answer = await system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode(), timeout=_PATIENCE)
    reply = msgspec.json.decode(answer)
    if not isinstance(reply, dict) or "error" in reply:
        raise Unavailable(f"the broker does not take the account's JWT: {reply}")


def _seconds(text: str) -> float:
    """Return seconds since the epoch for the broker's time stamps, which have nanoseconds."""
    if not text:
        return 0.0
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (fraction or "0"))
