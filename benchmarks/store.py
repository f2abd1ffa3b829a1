"""How fast the store records, beside bare SQLite doing the least that could be called the same.

``python benchmarks/store.py [--targets N] [--address URL]``. The reference writes the same rows with
``executemany`` and nothing else, in the same run, to the same directory, flushed at commit as ours are.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from saltern.controller.store import Answer, Store, Update
from saltern.model.status import Status
from saltern.testing.stored import agent_key, job, job_id, targets

ROUNDS = 5
ONE_BY_ONE = 200


def best(seconds: list[float]) -> float:
    """Return the shortest time: the one least disturbed by what else the machine does."""
    return min(seconds)


def reference(directory: Path, count: int) -> dict[str, float]:
    """Return the seconds bare SQLite takes to insert, to update, and to answer ``count`` targets."""
    connection = sqlite3.connect(directory / "reference.db", isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "CREATE TABLE targets (jid, key, name, status, updated, PRIMARY KEY (jid, key)) WITHOUT ROWID",
        "CREATE TABLE returns (jid, key, data, PRIMARY KEY (jid, key))",
    ):
        connection.execute(statement)
    times: dict[str, list[float]] = {"create": [], "record": [], "returns": []}
    for number in range(ROUNDS):
        rows = [(each.jid, each.key, each.name, "sent", 1.0) for each in targets(number, count)]
        pairs = [row[:2] for row in rows]
        update = "UPDATE targets SET status = 'received', updated = 2.0 WHERE jid = ? AND key = ?"
        insert_return = "INSERT INTO returns VALUES (?, ?, 'true')"
        times["create"].append(_timed(connection, [("INSERT INTO targets VALUES (?,?,?,?,?)", rows)]))
        times["record"].append(_timed(connection, [(update, pairs)]))
        times["returns"].append(_timed(connection, [(update, pairs), (insert_return, pairs)]))
    connection.close()
    return {name: best(each) for name, each in times.items()}


def _timed(
    connection: sqlite3.Connection, statements: Sequence[tuple[str, Sequence[tuple[object, ...]]]]
) -> float:
    begin = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for statement, rows in statements:
        connection.executemany(statement, rows)
    connection.execute("COMMIT")
    return time.perf_counter() - begin


async def measured(work: Callable[[], Awaitable[object]]) -> float:
    """Return the seconds ``work`` takes."""
    begin = time.perf_counter()
    await work()
    return time.perf_counter() - begin


async def batches(store: Store, count: int) -> dict[str, float]:
    """Return the seconds the store takes to create a job, to record a status and a return of every target."""
    times: dict[str, list[float]] = {"create": [], "record": [], "returns": []}
    for number in range(1, ROUNDS + 1):
        made = targets(number, count)
        updates = [Update(jid=each.jid, key=each.key, status=Status.RECEIVED, at=2.0) for each in made]
        answers = [
            Answer(jid=each.jid, key=each.key, verdict=Status.OK, at=3.0, data=b"true") for each in made
        ]
        times["create"].append(await measured(lambda made=made, n=number: store.jobs.create(job(n), made)))  # type: ignore[misc]
        times["record"].append(await measured(lambda updates=updates: store.targets.record(updates)))  # type: ignore[misc]
        times["returns"].append(await measured(lambda answers=answers: store.returns.record(answers)))  # type: ignore[misc]
    return {name: best(each) for name, each in times.items()}


async def whole_jobs(store: Store, first: int, width: int) -> float:
    """Return jobs a second, each created, answered and read, ``width`` at a time."""

    async def one(number: int) -> None:
        await store.jobs.create(job(number), targets(number, 1))
        answer = Answer(jid=job_id(number), key=agent_key(0), verdict=Status.OK, at=3.0, data=b"true")
        await store.returns.record([answer])

    begin = time.perf_counter()
    for start in range(first, first + ONE_BY_ONE, width):
        await asyncio.gather(*(one(number) for number in range(start, start + width)))
    return ONE_BY_ONE / (time.perf_counter() - begin)


async def report(address: str, directory: Path, count: int) -> None:
    """Print the table."""
    bare = reference(directory, count)
    async with await Store.open(address, anchor=directory / "anchor") as store:
        ours = await batches(store, count)
        rates = {width: await whole_jobs(store, 10_000 * width, width) for width in (1, 50)}
    print(f"{store.address}, {count} targets, best of {ROUNDS}")
    print(f"{'':10}{'seconds':>10}{'bare SQLite':>14}{'ratio':>8}")
    for name, seconds in ours.items():
        print(f"{name:10}{seconds:10.3f}{bare[name]:14.3f}{seconds / bare[name]:8.1f}")
    for width, rate in rates.items():
        print(f"{rate:.0f} jobs/s created and answered, {width} at a time")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--address", help="default: a fresh SQLite database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        address = options.address or f"sqlite:///{directory}/store.db"
        asyncio.run(report(address, directory, options.targets))


if __name__ == "__main__":
    main()
