"""The last output of a job."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.agent import tail as module
from saltern.agent.tail import Tail


@given(st.lists(st.binary(max_size=30)))
def test_the_last_bytes_are_kept(pieces: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEPT", 16)
        tail = Tail()
        for piece in pieces:
            tail.write(piece)
        assert tail.read() == b"".join(pieces)[-16:]


def test_it_outlives_the_process_that_wrote_it() -> None:
    tail = Tail()
    pid = os.fork()
    if pid == 0:
        tail.write(b"last words")
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    assert tail.read() == b"last words"
