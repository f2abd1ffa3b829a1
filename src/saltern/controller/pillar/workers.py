"""The processes that render: kept warm, killed when they hang, replaced when they die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys

import msgspec

from saltern.controller.pillar.questions import Answer, Render, Setup, Survey
from saltern.controller.pillar.worker import LENGTH
from saltern.foundation import settings as reading
from saltern.foundation.errors import Unavailable

log = logging.getLogger("saltern.pillar")

#: Seconds beyond the deadline that a process itself keeps, until it is killed.
_BEYOND = 2.0
#: Seconds a survey may take: a remote that hangs is given up before by its backend.
_SURVEY = 120.0
_encode = msgspec.msgpack.Encoder().encode
_answer = msgspec.msgpack.Decoder(Answer)


class Workers:
    """A bounded number of processes. Each question is one process's for as long as it takes."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        count = setup.pillar.processes or min(4, os.cpu_count() or 1)
        self._free = asyncio.Semaphore(count)
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._timeout = reading.duration(setup.pillar.timeout) + _BEYOND

    async def ask(self, question: Survey | Render) -> Answer:
        """Return the answer. Raises Unavailable when the process dies of it, or has to be killed."""
        async with self._free:
            process = self._idle.pop() if self._idle else await self._start()
            try:
                answer = await self._asked(process, question)
            except BaseException:
                await self._end(process)
                raise
            if answer.peak > self._setup.pillar.process_memory * 3 // 4:
                await self._end(process)  # what it has piled up goes with it
            else:
                self._idle.append(process)
            return answer

    async def _asked(self, process: _Process, question: Survey | Render) -> Answer:
        what = f"the pillar of {question.name}" if isinstance(question, Render) else "the look at the pillar"
        within = _SURVEY if isinstance(question, Survey) else self._timeout
        try:
            return _answer.decode(await asyncio.wait_for(process.exchange(_encode(question)), within))
        except TimeoutError:
            raise Unavailable(
                f"{what} takes longer than {within - _BEYOND:g} s, and was given up",
                hint="see pillar.timeout",
            ) from None
        except (OSError, asyncio.IncompleteReadError, msgspec.DecodeError) as error:
            raise Unavailable(
                f"{what} ended the process that rendered it", hint="the controller's log may say why"
            ) from error

    async def _start(self) -> _Process:
        process = await _Process.start(self._setup)
        self._all.add(process)
        return process

    async def _end(self, process: _Process) -> None:
        self._all.discard(process)
        await process.end()

    async def close(self) -> None:
        """End all of them."""
        for process in list(self._all):
            await self._end(process)


class _Process:
    def __init__(self, inner: asyncio.subprocess.Process) -> None:
        self._inner = inner

    @classmethod
    async def start(cls, setup: Setup) -> _Process:
        """Start one. Raises Unavailable."""
        try:
            inner = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "saltern.controller.pillar.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"no process can be started to render pillars: {error}") from error
        process = cls(inner)
        process._send(_encode(setup))
        return process

    async def exchange(self, question: bytes) -> bytes:
        """Ask and return the answer."""
        assert self._inner.stdin is not None
        assert self._inner.stdout is not None
        self._send(question)
        await self._inner.stdin.drain()
        (length,) = LENGTH.unpack(await self._inner.stdout.readexactly(LENGTH.size))
        return await self._inner.stdout.readexactly(length)

    def _send(self, body: bytes) -> None:
        assert self._inner.stdin is not None
        self._inner.stdin.write(LENGTH.pack(len(body)) + body)

    async def end(self) -> None:
        """Kill it with all it has started, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._inner.pid, signal.SIGKILL)
        await self._inner.wait()
