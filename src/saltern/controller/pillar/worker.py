"""A process that renders pillars: ``python -m saltern.controller.pillar.worker``.

Frames on stdin and stdout are a length (four bytes, little-endian) and a MessagePack value: first Setup,
then one question after another. What goes wrong with one pillar is an answer; what kills the process is seen
by the controller, which starts another.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import struct
import sys
from typing import IO

import msgspec

from saltern.controller.pillar.questions import Answer, Problem, Render, Setup, Survey
from saltern.foundation.errors import SalternError

LENGTH = struct.Struct("<I")
_PR_SET_PDEATHSIG = 1
_encode = msgspec.msgpack.Encoder().encode
_setup = msgspec.msgpack.Decoder(Setup)
_question: msgspec.msgpack.Decoder[Survey | Render] = msgspec.msgpack.Decoder(Survey | Render)


def main() -> None:
    """Answer until nobody asks any more."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a template's function prints is no answer
    first = _read(questions)
    if first is None:
        return
    setup = _setup.decode(first)
    resource.setrlimit(resource.RLIMIT_DATA, (setup.pillar.process_memory, setup.pillar.process_memory))
    answer = _answers(setup)
    while (body := _read(questions)) is not None:
        reply = _encode(answer(_question.decode(body)))
        answers.write(LENGTH.pack(len(reply)) + reply)
        answers.flush()


class _answers:
    """Answers questions; settings that make no sense are the answer to each."""

    def __init__(self, setup: Setup) -> None:
        from saltern.controller.pillar.rendering import Kitchen

        self._wrong: Problem | None = None
        try:
            self._kitchen = Kitchen(setup)
        except SalternError as error:
            self._wrong = _problem(error)

    def __call__(self, question: Survey | Render) -> Answer:
        if self._wrong is not None:
            return Answer(problem=self._wrong)
        answer = self._answer(question)
        return msgspec.structs.replace(answer, peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)

    def _answer(self, question: Survey | Render) -> Answer:
        try:
            if isinstance(question, Survey):
                return Answer(version=self._kitchen.trees.survey())
            return self._kitchen.make(question)
        except SalternError as error:
            return Answer(problem=_problem(error))
        except MemoryError:
            text = "it takes more memory than pillar.process_memory allows"
            return Answer(problem=Problem(code="too_large", message=text, told=text), peak=sys.maxsize)


def _problem(error: SalternError) -> Problem:
    return Problem(code=error.code, message=str(error), told=str(error), hint=error.hint)


def _read(stream: IO[bytes]) -> bytes | None:
    head = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


if __name__ == "__main__":
    main()
