"""Runs orders, each exactly once, whatever is killed.

An order is written to the journal before it is acknowledged; that it may have run is written before its
keeper gets it; its return lies in the spool before anybody hears that it is finished, and stays until it
was handed over. So at each start the journal and the spool tell what to do with every order: run it, wait
for its keeper, hand its return over, or say that its end cannot be known.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from pathlib import Path
from typing import Any

from saltern.agent import processes
from saltern.agent.faults import reach
from saltern.agent.job import Job
from saltern.agent.journal import Accepted, Entry, Journal, Kept, Settled, Started
from saltern.agent.link import Ask, Done, Go, Working
from saltern.agent.listener import Listener, answer
from saltern.agent.nursery import Connection, Nursery
from saltern.agent.recovery import Adopt, GiveUp, decide
from saltern.agent.settings import JobSettings
from saltern.agent.spool import Spool
from saltern.foundation import atomic
from saltern.foundation.clock import Clock, SystemClock
from saltern.foundation.errors import Refused, Unavailable
from saltern.messages.v1 import Order, Progress, Return
from saltern.model.ids import JobId, is_job_id
from saltern.model.status import Status

_logger = logging.getLogger("saltern.agent")

#: Seconds a keeper has, beyond all its own limits, before the loop ends the job in its stead.
BEYOND = 5.0
#: Seconds after which a return that the disk would not take is written again.
RETRY = 5.0
#: Returns handed over are forgotten together, at most this many seconds later.
TIDY_AFTER = 0.2
#: Bytes of orders that may wait or run.
JOURNAL_LIMIT = 64 * 1024 * 1024
#: Seconds to listen to what is left on its way once the keeper has ended.
LAST_WORDS = 1.0


class Executor:
    """The agent's jobs. One event loop; the methods are not for other threads."""

    def __init__(
        self,
        directory: Path,
        control: socket.socket,
        listener: Listener,
        *,
        settings: JobSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Keep journal and spool in ``directory``; ``control`` leads to the supervisor.

        ``clock.now`` is the controller's time as far as it is known.
        """
        self.spool = Spool(atomic.private_directory(directory) / "spool")
        self._directory = directory
        control.setblocking(False)
        self._nursery = Nursery(control)
        self._listener = listener
        self._settings = settings or JobSettings()
        self._clock = clock or SystemClock()
        self._waiting: dict[JobId, Order] = {}
        self._running: dict[JobId, Job] = {}
        self._finished: set[JobId] = set()
        self._handed_over: list[JobId] = []
        self._tidying: asyncio.Task[None] | None = None
        self._open = False

    # --- start and stop ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what an earlier run of the agent left. Raises OSError when the journal can't be opened."""
        self._journal = Journal(self._directory / "journal")
        if self._journal.damage:
            _logger.warning("the journal had %d damaged bytes", self._journal.damage)
        memory = self._journal.memory
        for jid in self.spool.jids():
            if jid in memory.seen and jid not in memory.entries:
                self.spool.remove(jid)  # handed over just before the end
        self.spool.sweep(set(memory.entries))
        self._open = True
        for jid in self.spool.jids():
            self._finish(jid)
        for jid, entry in list(memory.entries.items()):
            if jid not in self._finished:
                await self._recover(entry)
        self._fill()
        self._nursery.prepare()

    async def _recover(self, entry: Entry) -> None:
        """Take up an order that has no return."""
        order, kept = entry.order, entry.kept
        watch = processes.open_process(kept.keeper, kept.born) if kept else None
        decision = decide(
            entry,
            boot=processes.boot_id(),
            keeper_lives=watch is not None,
            handed=self.spool.was_handed(order.jid),
            damaged=self._journal.damage > 0,
            now=self._clock.now(),
        )
        if isinstance(decision, Adopt) and kept and watch is not None:
            self._adopt(order, kept, watch)
            return
        if watch is not None:
            os.close(watch)
        if isinstance(decision, GiveUp):
            await self._give_up(order, decision.verdict, decision.reason)
        else:
            self._waiting[order.jid] = order

    async def close(self) -> None:
        """Stop taking orders. Running jobs go on, and are picked up at the next start, unless settings say
        otherwise; those waiting wait on in the journal.
        """
        self._open = False
        if self._settings.stop:
            await self._end_all()
        tasks = [job.task for job in self._running.values() if job.task]
        if self._tidying is not None:
            tasks.append(self._tidying)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._nursery.close()
        await self._tidy()
        self._journal.close()

    async def _end_all(self) -> None:
        for jid in list(self._waiting):
            await self.cancel(jid, "the agent's stop")
        tasks = [
            job.task for jid, job in self._running.items() if self._cancel_running(job, "the agent's stop")
        ]
        await asyncio.gather(*filter(None, tasks))

    # --- orders --------------------------------------------------------------------------------------

    async def submit(self, order: Order) -> None:
        """Take the order; when this returns it is on the disk, and will be answered whatever happens.

        Raises Refused, with the reason, for a replay, or when there is no room: it will then never run.
        """
        self._check_room(order)
        try:
            self._journal.append(Accepted(order))
        except OSError as error:
            self.spool.remove(order.jid)
            raise Refused(f"the agent's journal can't be written: {error.strerror}", hint=_FREE) from error
        self._waiting[order.jid] = order
        reach("executor.accepted")
        self._fill()
        try:
            await self._journal.commit()
        except OSError as error:
            if self._waiting.pop(order.jid, None) is None:
                return  # it was being started: that way it hears of the same error
            self._settle(order.jid)
            raise Refused(f"the agent's journal can't be written: {error.strerror}", hint=_FREE) from error
        reach("executor.committed")

    def remembers(self, order: Order) -> bool:
        """Tell that the order was taken before, or may have been: nothing may be answered for it again."""
        memory = self._journal.memory
        return order.jid in memory.seen or order.expires <= memory.horizon

    def _check_room(self, order: Order) -> None:
        if not is_job_id(order.jid):
            raise Refused(f"not a job id: {order.jid[:40]!r}")
        if not self._open:
            raise Refused("the agent is stopping", hint="try again when it is back")
        self._journal.check(order)
        if len(self._waiting) >= self._settings.waiting:
            raise Refused(
                f"{len(self._waiting)} jobs wait on this agent already",
                hint="cancel some, or raise jobs.waiting in its settings",
            )
        free = self.spool.free()
        if free < self._settings.free:
            raise Refused(
                f"the agent's disk is full: {free} bytes free in {self.spool.directory}", hint=_FREE
            )
        try:
            self.spool.set_aside(order.jid)
        except Unavailable as error:
            raise Refused(error.message, hint=error.hint) from error

    async def cancel(self, jid: JobId, user: str) -> bool:
        """End a job and all its processes, whichever it is in; False when it is not at work here."""
        order = self._waiting.pop(jid, None)
        if order is not None:
            await self._give_up(order, Status.CANCELLED, f"cancelled by {user} before it started")
            return True
        job = self._running.get(jid)
        return job is not None and self._cancel_running(job, user)

    def _cancel_running(self, job: Job, user: str) -> bool:
        job.cancelled_by = user
        if job.kept is None:
            return True  # on its way to its keeper, which will not get it
        with contextlib.suppress(OSError):  # a full disk: then only the name is lost
            self.spool.note_cancel(job.jid, user)
        job.signal_keeper(signal.SIGTERM)
        self._force_later(job, self._settings.grace)
        return True

    def jobs(self) -> list[Job]:
        """Return the jobs here that are not finished: those at work, then those waiting, each in order."""
        return [*self._running.values(), *(Job(order) for order in self._waiting.values())]

    def finished(self) -> list[JobId]:
        """Return the jobs whose returns have not been handed over, oldest first."""
        return sorted(self._finished)

    def handed_over(self, jid: JobId) -> None:
        """Forget a return: the stream has it."""
        if jid in self._finished:
            self._finished.discard(jid)
            self._settle(jid)

    # --- one job -------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Start what waits, as far as there is room."""
        while self._open and self._waiting and len(self._running) < self._settings.concurrent:
            self._hold(Job(self._waiting.pop(next(iter(self._waiting)))))

    def _adopt(self, order: Order, kept: Kept, watch: int) -> None:
        job = Job(order, adopted=True)
        job.take(kept, watch)
        self._force_at_deadline(job)
        self._listener.running(order.jid, kept.started)
        self._hold(job)

    def _hold(self, job: Job) -> None:
        self._running[job.jid] = job
        job.task = asyncio.create_task(self._live(job), name=f"job {job.jid}")
        job.task.add_done_callback(_report)

    async def _live(self, job: Job) -> None:
        """See the job to its end, from wherever it stands."""
        try:
            if job.kept is None:
                await self._run(job)
            if not self.spool.has(job.jid):
                await job.ended
            if self._never_got(job):
                self._waiting = {job.jid: job.order, **self._waiting}
                return
            if not self.spool.has(job.jid):
                await self._explain(job)
        except (OSError, Unavailable) as error:
            await self._leave(job.order, Status.REFUSED, f"it could not be started: {error}")
        finally:
            job.release()
            del self._running[job.jid]
            self._fill()
        self._finish(job.jid)

    def _never_got(self, job: Job) -> bool:
        """Tell that the keeper we took over was about to end: the agent before us died over its order."""
        return job.adopted and job.cancelled_by is None and not self.spool.was_handed(job.jid)

    async def _run(self, job: Job) -> None:
        """Give the job to a keeper and listen until all is said.

        Raises OSError, Unavailable: then it has not run.
        """
        self._journal.append(Started(job.jid, processes.boot_id()))
        reach("executor.started")
        durable = asyncio.ensure_future(self._journal.commit())
        connection = await self._nursery.take()
        well = False
        try:
            await durable
            if job.cancelled_by is None:
                await self._hand(job, connection)
                well = await self._listen(job, connection)
            else:
                await self._leave(job.order, Status.CANCELLED, f"cancelled by {job.cancelled_by}")
        finally:
            if well and job.cancelled_by is None and self._open:
                self._nursery.give_back(connection)
            else:
                connection.close()

    async def _hand(self, job: Job, connection: Connection) -> None:
        """Write down who gets the order, then give it."""
        ready, order = connection.ready, job.order
        watch = processes.open_process(ready.keeper, ready.born)
        if watch is None:
            raise Unavailable("the process made for it was killed")
        since = SystemClock().steady()
        started, deadline = self._clock.now(), since + order.timeout if order.timeout > 0 else None
        kept = Kept(job.jid, ready.keeper, ready.born, started, deadline)
        job.take(kept, watch)
        self._journal.append(kept)
        reach("executor.kept")
        grace = self._settings.grace
        await connection.send(Go(order=order, started=started, since=since, deadline=deadline, grace=grace))
        reach("executor.handed")
        self._force_at_deadline(job)
        self._listener.running(job.jid, started)
        self._nursery.prepare_soon()

    async def _listen(self, job: Job, connection: Connection) -> bool:
        """Pass on what the job says, until its return lies in the spool or its keeper has ended.

        Tell whether all was said, and the connection is as it was.
        """
        talk = asyncio.create_task(self._talk(job, connection))
        try:
            first: list[asyncio.Future[Any]] = [talk, job.ended]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([talk], timeout=LAST_WORDS)
            return talk.done() and talk.result()
        finally:
            talk.cancel()

    async def _talk(self, job: Job, connection: Connection) -> bool:
        asked = False
        while True:
            match await connection.read():
                case Progress() as progress:
                    await self._listener.progress(job.jid, progress)
                case Working(pid):
                    job.worker = pid
                case Ask() as question:
                    asked = True  # an answer too late for the worker would be taken for the next order
                    await connection.send(await answer(question, self._running, self._listener))
                case Done():
                    return not asked
                case _:
                    return False

    # --- a keeper that does not do what it should ----------------------------------------------------

    def _force_at_deadline(self, job: Job) -> None:
        if job.kept and job.kept.deadline is not None:
            self._force_later(job, job.kept.deadline - SystemClock().steady() + self._settings.grace)

    def _force_later(self, job: Job, after: float) -> None:
        delay = max(0.0, after) + processes.KILL_WITHIN + BEYOND
        asyncio.get_running_loop().call_later(delay, self._force, job)

    def _force(self, job: Job) -> None:
        if self._running.get(job.jid) is job and not job.ended.done():
            job.overdue = job.cancelled_by is None
            asyncio.get_running_loop().run_in_executor(None, job.kill)

    async def _explain(self, job: Job) -> None:
        """Say what is known of a job whose keeper has ended without leaving a return."""
        job.kill_remains()
        if job.cancelled_by is not None:
            verdict, reason = Status.CANCELLED, f"cancelled by {job.cancelled_by}"
        elif job.overdue:
            verdict, reason = Status.TIMED_OUT, f"not done after {job.order.timeout:g} s, and killed"
        elif not self.spool.was_handed(job.jid):
            verdict, reason = Status.REFUSED, "the process made for it was killed before the job started"
        else:
            verdict, reason = Status.LOST, "the process that kept it was killed, and the job with it"
        await self._leave(job.order, verdict, reason)

    # --- the end of a job ----------------------------------------------------------------------------

    async def _give_up(self, order: Order, verdict: Status, reason: str) -> None:
        """Answer for an order that nobody works at."""
        await self._leave(order, verdict, reason)
        self._finish(order.jid)

    async def _leave(self, order: Order, verdict: Status, reason: str) -> None:
        """Put a return that only explains into the spool; on a failing disk try until it is there."""
        result = Return(verdict=verdict, retcode=1, reason=reason, finished=self._clock.now())
        while True:
            try:
                await asyncio.to_thread(self.spool.write, order.jid, result)
            except OSError as error:
                _logger.error("job %s: its return can't be written: %s", order.jid, error)
                await asyncio.sleep(RETRY)
            else:
                return

    def _finish(self, jid: JobId) -> None:
        if jid not in self._finished:
            self._finished.add(jid)
            reach("executor.finished")
            self._listener.finished(jid)

    def _settle(self, jid: JobId) -> None:
        with contextlib.suppress(OSError):  # then it is handed over again after a restart: harmless
            self._journal.append(Settled(jid))
        self._handed_over.append(jid)
        if self._tidying is None:
            self._tidying = asyncio.create_task(self._tidy_soon())

    async def _tidy_soon(self) -> None:
        await asyncio.sleep(TIDY_AFTER)
        self._tidying = None
        try:
            await self._tidy()
        except OSError as error:
            _logger.error("the agent's journal can't be written: %s", error)

    async def _tidy(self) -> None:
        """Remove returns that were handed over, once the journal knows it."""
        done, self._handed_over = self._handed_over, []
        if done:
            await self._journal.commit()
            for jid in done:
                self.spool.remove(jid)
        await self._journal.compact()


def _report(task: asyncio.Task[None]) -> None:
    """Log what should not happen: a job's task that failed. The next start takes the job up."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _logger.error("%s: %s", task.get_name(), error, exc_info=error)


_FREE = "free space on the agent's disk"
