"""The swarm's NATS client, against a broker that says exactly what a test wants, in whatever pieces."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import msgspec
import pytest

from saltern.identity.keys import KeyPair, Kind, PublicKey
from saltern.testing.swarm_link import Door, Link, Reactor

PAIR = KeyPair.new(Kind.USER)


class Heard:
    """Notes what a link tells."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, str, bytes]] = []
        self.open = False
        self.end = ""

    def opened(self) -> None:
        self.open = True

    def received(self, number: int, subject: str, data: bytes) -> None:
        self.messages.append((number, subject, data))

    def closed(self, reason: str) -> None:
        self.end = reason


class Played:
    """A link, and the broker's end of its connection."""

    def __init__(self) -> None:
        self.reactor, self.heard = Reactor(), Heard()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            door = Door.of(f"nats://127.0.0.1:{listener.getsockname()[1]}", "", "")
            self.link = Link(self.reactor, door, self.heard, jwt="a.b.c", pair=PAIR, name="agent/1")
            self.link.open()
            self.broker = listener.accept()[0]
        self.broker.settimeout(10)

    def say(self, data: bytes) -> None:
        self.broker.sendall(data)

    def said(self, end: bytes) -> bytes:
        """Return what the link has sent, until it ends with ``end``."""
        data = b""
        self.broker.setblocking(False)

        def complete() -> bool:
            nonlocal data
            with contextlib.suppress(BlockingIOError):
                while piece := self.broker.recv(1 << 20):
                    data += piece
            return data.endswith(end)

        self.reactor.run(complete)
        return data

    def log_in(self) -> bytes:
        self.say(b'INFO {"nonce":"abc","headers":true}\r\n')
        said = self.said(b"PING\r\n")
        self.say(b"PONG\r\n")
        self.reactor.run(lambda: self.heard.open)
        return said


@pytest.fixture
def played() -> Iterator[Played]:
    made = Played()
    yield made
    made.broker.close()
    made.link.close("end of test")


def test_it_signs_the_nonce_with_its_key(played: Played) -> None:
    import base64

    said = played.log_in()
    words = msgspec.json.decode(said.split(b"\r\n")[0].removeprefix(b"CONNECT "))
    signature = base64.urlsafe_b64decode(words["sig"] + "==")
    assert PublicKey(PAIR.public).verifies(b"abc", signature)
    assert (words["jwt"], words["name"]) == ("a.b.c", "agent/1")


def test_messages_come_whole_in_whatever_pieces_they_travel(played: Played) -> None:
    played.log_in()
    stream = b"MSG job.K 1 4\r\n\r\nAB\r\nMSG _in.K.hello 2 reply.to 0\r\n\r\nMSG job.K 1 5\r\nhello\r\n"
    for position in range(len(stream)):
        played.say(stream[position : position + 1])
        rounds = iter(range(1))
        played.reactor.later(0, lambda: None)
        played.reactor.run(lambda rounds=rounds: next(rounds, None) is None)  # type: ignore[misc]
    played.reactor.run(lambda: len(played.heard.messages) == 3)
    assert played.heard.messages == [(1, "job.K", b"\r\nAB"), (2, "_in.K.hello", b""), (1, "job.K", b"hello")]


def test_nobody_there_is_a_message_without_data(played: Played) -> None:
    played.log_in()
    played.say(b"HMSG _in.K.hello 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
    played.reactor.run(lambda: bool(played.heard.messages))
    assert played.heard.messages == [(2, "_in.K.hello", b"")]


def test_headers_are_no_part_of_the_data(played: Played) -> None:
    played.log_in()
    played.say(b"HMSG job.K 1 18 22\r\nNATS/1.0\r\na: b\r\n\r\ndata\r\n")
    played.reactor.run(lambda: bool(played.heard.messages))
    assert played.heard.messages == [(1, "job.K", b"data")]


def test_it_answers_pings_and_sends_what_the_socket_did_not_take_at_once(played: Played) -> None:
    played.log_in()
    played.say(b"PING\r\n")
    assert played.said(b"PONG\r\n") == b"PONG\r\n"
    data = bytes(8_000_000)
    played.link.publish("ret.K.1", data, "_in.K.1")
    played.link.send(b"PING\r\n")
    head = b"PUB ret.K.1 _in.K.1 8000000\r\n"
    assert played.said(b"\r\nPING\r\n") == head + data + b"\r\nPING\r\n"


def test_a_refusal_ends_it_with_the_reason_once(played: Played) -> None:
    played.log_in()
    played.say(b"-ERR 'Permissions Violation for Publish to \"x\"'\r\n-ERR 'Authorization Violation'\r\n")
    played.reactor.run(lambda: bool(played.heard.end))
    assert played.heard.end == "Authorization Violation"
    played.link.close("again")
    assert played.heard.end == "Authorization Violation"


def test_a_broker_that_hangs_up_is_told_to_the_owner(played: Played) -> None:
    played.log_in()
    played.broker.close()
    played.reactor.run(lambda: bool(played.heard.end))
    assert played.heard.end == "the broker hung up"


def test_a_port_where_nobody_listens_is_told_to_the_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    reactor, heard = Reactor(), Heard()
    Link(reactor, Door("127.0.0.1", port, None, ""), heard, jwt="j", pair=PAIR, name="n").open()
    reactor.run(lambda: bool(heard.end))
    assert heard.end == "cannot connect: Connection refused"


def test_timers_are_called_in_time_and_not_when_cancelled() -> None:
    reactor, called = Reactor(), list[str]()
    reactor.later(0.02, lambda: called.append("second"))
    reactor.later(0.01, lambda: called.append("first"))
    reactor.later(0.0, lambda: called.append("never")).cancel()
    reactor.run(lambda: len(called) == 2)
    assert called == ["first", "second"]
