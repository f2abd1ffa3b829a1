"""Threads between the event loop and the database, so that a slow or locked one never stops the loop."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from saltern.controller.store import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

T = TypeVar("T")

#: How many callers one commit may serve, and how often a transaction that met a deadlock is begun again.
GROUP = 64
ATTEMPTS = 4


class Lane(Protocol):
    """Carries work to a thread with a connection; each piece of work is one transaction, all or nothing.

    Work may be run again from its beginning, so it must touch nothing but the database.
    """

    def submit(self, work: Callable[[sa.Connection], T]) -> Future[T]:
        """Return the future of what ``work`` returns or raises. Errors are ours where we know them."""

    def close(self) -> None:
        """Finish what has been submitted, then end the threads."""


class Pool:
    """Some threads, each piece of work in its own transaction, side by side."""

    def __init__(self, engine: sa.Engine, where: str, *, threads: int, name: str) -> None:
        self._engine = engine
        self._where = where
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def submit(self, work: Callable[[sa.Connection], T]) -> Future[T]:
        """Run ``work`` on the next free thread."""
        return self._threads.submit(self._run, work)

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        with failures.translated(self._where):
            for _ in range(ATTEMPTS - 1):
                try:
                    return self._once(work)
                except Exception as error:
                    if not failures.is_passing(error):
                        raise
            return self._once(work)

    def _once(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """Finish what has been submitted, then end the threads."""
        self._threads.shutdown(wait=True)


class _Task(NamedTuple, Generic[T]):
    work: Callable[[sa.Connection], T]
    future: Future[T]

    def run_alone(self, engine: sa.Engine, where: str) -> None:
        try:
            with failures.translated(where), engine.begin() as connection:
                result = self.work(connection)
        except BaseException as error:  # it belongs to whoever waits for the future
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Writer:
    """One thread that writes. All who wait share one transaction, so one flush of the disk serves many."""

    def __init__(self, engine: sa.Engine, where: str, *, name: str) -> None:
        self._engine = engine
        self._where = where
        self._waiting: queue.SimpleQueue[_Task[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sa.Connection], T]) -> Future[T]:
        """Queue ``work``; it is durable once the future has its result."""
        task = _Task(work, Future())
        self._waiting.put(task)
        return task.future

    def close(self) -> None:
        """Finish what has been submitted, then end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            tasks = [first, *self._others()]
            self._commit([task for task in tasks if task.future.set_running_or_notify_cancel()])

    def _others(self) -> list[_Task[Any]]:
        others: list[_Task[Any]] = []
        while len(others) < GROUP - 1:
            try:
                task = self._waiting.get_nowait()
            except queue.Empty:
                break
            if task is None:  # leave it for _serve, after this group
                self._waiting.put(None)
                break
            others.append(task)
        return others

    def _commit(self, tasks: Sequence[_Task[Any]]) -> None:
        results = self._together(tasks) if len(tasks) > 1 else None
        if results is None:
            for task in tasks:
                task.run_alone(self._engine, self._where)
        else:
            for task, result in zip(tasks, results, strict=True):
                task.future.set_result(result)

    def _together(self, tasks: Sequence[_Task[Any]]) -> list[Any] | None:
        """Run all in one transaction; None when one failed and nothing has happened: each must go alone."""
        try:
            with self._engine.begin() as connection:
                return [task.work(connection) for task in tasks]
        except Exception:  # not swallowed: whoever fails alone gets to know why
            return None
