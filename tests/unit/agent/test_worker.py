"""What a worker says to a loop that listens, is slow, or is gone."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from saltern.agent import link
from saltern.agent import worker as module
from saltern.agent.link import Answer, Ask, Done, FromJob
from saltern.agent.tail import Tail
from saltern.agent.worker import BACKLOG, PIECE, Agent, Reporter
from saltern.foundation.errors import Unavailable
from saltern.messages.v1 import Progress


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with ours, theirs:
        yield ours, theirs


def hear(connection: socket.socket) -> list[FromJob]:
    """Return all that was said until the other end hung up."""

    async def read() -> list[FromJob]:
        reader, writer = await asyncio.open_connection(sock=connection)
        said = []
        while (message := await link.read(reader)) is not None:
            said.append(message)
        writer.close()
        return said

    return asyncio.run(read())


def test_output_is_cut_into_pieces_and_numbered(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    reporter = Reporter(theirs, Tail())
    heard: list[FromJob] = []
    listener = threading.Thread(target=lambda: heard.extend(hear(ours)))
    listener.start()
    reporter.emit("stdout", b"a" * (2 * PIECE + 1))
    reporter.emit("stderr", b"b")
    reporter.say(Done())
    theirs.close()
    listener.join()
    progress = [message for message in heard if isinstance(message, Progress)]
    assert [piece.sequence for piece in progress] == [0, 1, 2, 3]
    assert [len(piece.data) for piece in progress] == [PIECE, PIECE, 1, 1]
    assert heard[-1] == Done()


def test_a_loop_that_does_not_listen_costs_output_not_time(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    ours, theirs = pair
    tail = Tail()
    reporter = Reporter(theirs, tail)
    for number in range(1000):
        reporter.emit("stdout", b"%07d\n" % number * 1000)
    assert len(reporter._pending) <= BACKLOG
    assert tail.read().endswith(b"0000999\n")
    theirs.close()
    heard = hear(ours)
    sequences = [piece.sequence for piece in heard if isinstance(piece, Progress)]
    assert sequences == list(range(len(sequences)))
    assert len(sequences) < 1000


def test_a_loop_that_is_gone_is_no_trouble(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    reporter = Reporter(theirs, Tail())
    ours.close()
    for _ in range(100):
        reporter.emit("stdout", b"x" * 10_000)
    reporter.say(Done())
    with pytest.raises(Unavailable):
        Agent("1", reporter).running_jobs()


def test_an_answer_comes_back(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ours.sendall(link.frame(Answer(count=3)))
    agent = Agent("7", Reporter(theirs, Tail()))
    assert agent.signal_job("8", 9)
    theirs.close()
    assert hear(ours) == [Ask(what="signal_job", jid="8", signal=9)]


def test_an_answer_that_comes_too_late_is_not_taken_for_another(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_WITHIN", 0.01)
    ours, theirs = pair
    agent = Agent("7", Reporter(theirs, Tail()))
    with pytest.raises(Unavailable):
        agent.running_jobs()
    ours.sendall(link.frame(Answer(count=3)))
    with pytest.raises(Unavailable):
        agent.clear_job_cache(1)
