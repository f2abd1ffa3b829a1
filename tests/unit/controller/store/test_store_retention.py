"""Old jobs go whole, oldest first, and never one somebody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

import pytest
import sqlalchemy as sa

from saltern.controller.store import Answer, JobFilter, Pruned, Store, Update, retention, tables
from saltern.model.status import Status
from saltern.testing.stored import agent_key, job, job_id, targets

T = TypeVar("T")


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


async def settled(store: Store, number: int, *, agents: int = 3, data: bytes = b"true") -> None:
    await store.jobs.create(job(number), targets(number, agents))
    answers = [
        Answer(jid=job_id(number), key=agent_key(each), verdict=Status.OK, at=1.0, data=data)
        for each in range(agents)
    ]
    await store.returns.record(answers)


def numbers(store: Store, run: Run) -> list[int]:
    return [int(each.jid) for each in run(store.jobs.list())]


def counts(store: Store, run: Run) -> list[int]:
    def work(connection: sa.Connection) -> list[int]:
        each = (tables.jobs, tables.targets, tables.returns, tables.chunks)
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in each
        ]

    return run(store._database.read(work))


def test_by_age(store: Store, run: Run) -> None:
    for number in (1, 2, 3):
        run(settled(store, number))
    assert run(store.retention.prune(before=3.0)).jobs == 2
    assert numbers(store, run) == [3]
    assert counts(store, run) == [1, 3, 3, 0]


def test_by_size_the_oldest_go_first(store: Store, run: Run) -> None:
    for number in range(1, 6):
        run(settled(store, number, data=b"x" * 100_000))
    weight = run(store.retention.weight())
    pruned = run(store.retention.prune(keep_bytes=weight - 1))
    assert pruned.jobs == 1
    assert 300_000 < pruned.bytes < 310_000
    assert run(store.retention.weight()) == weight - pruned.bytes
    assert numbers(store, run) == [5, 4, 3, 2]
    assert run(store.retention.prune(keep_bytes=0, spare_since=4.0)).jobs == 2
    assert numbers(store, run) == [5, 4]
    assert run(store.retention.prune(keep_bytes=weight)) == Pruned()


def test_a_job_somebody_waits_for_stays(store: Store, run: Run) -> None:
    run(settled(store, 1))
    run(store.jobs.create(job(2), targets(2, 2)))
    run(store.returns.record([Answer(jid=job_id(2), key=agent_key(0), verdict=Status.OK, at=1.0)]))
    assert run(store.retention.prune(before=100.0, keep_bytes=0)).jobs == 1
    assert numbers(store, run) == [2]
    run(store.targets.record([Update(jid=job_id(2), key=agent_key(1), status=Status.LOST, at=5.0)]))
    assert run(store.retention.prune(keep_bytes=0)).jobs == 1
    assert counts(store, run) == [0, 0, 0, 0]


def test_chunks_go_too_even_of_a_return_that_never_ended(store: Store, run: Run) -> None:
    run(settled(store, 1))
    run(store.jobs.create(job(2), targets(2, 1)))
    for n in range(40):
        assert run(store.returns.put_chunk(job_id(2), agent_key(0), n, b"x" * 1000))
    run(store.targets.record([Update(jid=job_id(2), key=agent_key(0), status=Status.LOST, at=5.0)]))
    assert run(store.retention.prune(before=100.0)).jobs == 2
    assert counts(store, run) == [0, 0, 0, 0]


def test_a_removal_cut_short_is_finished_next_time(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settled(store, 1, agents=10))

    def crash(*_: object) -> bool:
        raise RuntimeError("killed here")

    monkeypatch.setattr(retention, "_TARGETS_AT_ONCE", 4)
    with monkeypatch.context() as patched:
        patched.setattr(retention, "_take_targets", crash)
        with pytest.raises(RuntimeError):
            run(store.retention.prune(before=100.0))
    assert run(store.jobs.get(job_id(1))) is None
    assert run(store.jobs.list(JobFilter())) == []
    assert counts(store, run)[:2] == [1, 10]
    assert run(store.retention.prune()).jobs == 1
    assert counts(store, run) == [0, 0, 0, 0]


def test_writers_get_their_turn_while_much_is_removed(store: Store, run: Run) -> None:
    for number in range(1, 6):
        run(settled(store, number, agents=1000))

    async def both() -> int:
        removal = asyncio.create_task(store.retention.prune(before=100.0))
        written = 0
        while not removal.done():
            await store.meta.set("n", str(written))
            written += 1
        assert (await removal).jobs == 5
        return written

    assert run(both()) >= 10
