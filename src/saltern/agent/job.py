"""One job at work, as the agent's loop holds it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from saltern.agent import processes
from saltern.agent.journal import Kept
from saltern.messages.v1 import Order
from saltern.model.ids import JobId
from saltern.sdk import RunningJob
from saltern.sdk.process import signal_session


class Job:
    """An order, and who has it: nobody yet (it waits, or is being started), or a keeper."""

    def __init__(self, order: Order, *, adopted: bool = False) -> None:
        """Hold an order that nobody has yet, or (``adopted``) one given out by an agent before this."""
        self.order = order
        self.adopted = adopted
        self.kept: Kept | None = None
        self.worker = 0  # the worker's process id; 0 while it is not known
        self.cancelled_by: str | None = None
        self.overdue = False  # its keeper let the deadline pass
        self.task: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watch = -1

    @property
    def jid(self) -> JobId:
        """Return the job's id."""
        return self.order.jid

    @property
    def started(self) -> float | None:
        """Return when it started (the controller's time), None while it waits."""
        return self.kept.started if self.kept else None

    @property
    def pid(self) -> int:
        """Return the worker's process id, else its keeper's; 0 while it waits."""
        return self.worker or (self.kept.keeper if self.kept else 0)

    def take(self, kept: Kept, watch: int) -> None:
        """Note the keeper; ``watch`` is its pidfd, which is ours from now on."""
        self.kept = kept
        self._watch = watch
        asyncio.get_running_loop().add_reader(watch, self._keeper_ended)

    def _keeper_ended(self) -> None:
        self.release()
        if not self.ended.done():
            self.ended.set_result(None)

    def release(self) -> None:
        """Stop watching the keeper."""
        if self._watch >= 0:
            asyncio.get_running_loop().remove_reader(self._watch)
            os.close(self._watch)
            self._watch = -1

    def signal_keeper(self, number: int) -> None:
        """Send its keeper a signal; nothing when it has ended."""
        if self._watch >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._watch, number)

    def signal_processes(self, number: int) -> int:
        """Send every process of the job a signal; return how many got it."""
        return processes.signal_tree(self.kept.keeper, number) if self.kept and self._watched else 0

    def kill(self) -> None:
        """End the job in its keeper's stead. Blocks for a moment."""
        if self.kept and self._watched:
            self.signal_keeper(signal.SIGSTOP)  # it must not report the deaths as the worker's own
            processes.kill_tree(self.kept.keeper)
            self.signal_keeper(signal.SIGKILL)

    @property
    def _watched(self) -> bool:
        """Tell that the keeper's process id is still the keeper's."""
        return self._watch >= 0 and self.kept is not None and bool(processes.born(self.kept.keeper))

    def kill_remains(self) -> None:
        """End what a killed keeper left: the worker dies with it, what the worker started does not."""
        if self.worker:
            signal_session(self.worker, signal.SIGKILL)

    def shown(self) -> RunningJob:
        """Return the job as functions see it."""
        return RunningJob(
            jid=self.jid,
            fun=self.order.fun,
            args=self.order.args,
            kwargs=self.order.kwargs,
            pid=self.pid,
            started=self.started or 0.0,
            user=self.order.user,
        )
