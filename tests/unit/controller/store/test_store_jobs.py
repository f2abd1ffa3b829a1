"""Jobs, their targets, and their returns."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol, TypeVar

import pytest

from saltern.controller.store import Answer, JobFilter, Recorded, Store, Update
from saltern.foundation.errors import Conflict, NotFound
from saltern.messages.v1 import Blob, Error
from saltern.model.job import Target
from saltern.model.status import Status
from saltern.testing.stored import agent_key, job, job_id, targets

T = TypeVar("T")
PAIR = (job_id(1), agent_key(0))


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


def update(status: Status, at: float = 5.0, agent: int = 0, **fields: Any) -> Update:
    return Update(jid=job_id(1), key=agent_key(agent), status=status, at=at, **fields)


def answer(verdict: Status = Status.OK, agent: int = 0, **fields: Any) -> Answer:
    return Answer(jid=job_id(1), key=agent_key(agent), verdict=verdict, **{"at": 9.0, **fields})


async def everything(stream: AsyncIterator[T]) -> list[T]:
    return [each async for each in stream]


def only(store: Store, run: Run) -> Target:
    found = run(store.targets.get(*PAIR))
    assert found is not None
    return found


def test_a_job_comes_back_as_it_was_made(store: Store, run: Run) -> None:
    made = job(1, args=("a\0", 1, None, [2.5]), kwargs={"k": {"é": True}}, queue_until=9.0, user="o'brien")
    run(store.jobs.create(made, targets(1, 3)))
    assert run(store.jobs.get(made.jid)) == made
    assert run(store.targets.of_job(made.jid)) == targets(1, 3)
    assert run(store.jobs.get(job_id(2))) is None


def test_a_job_is_made_once_and_whole(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    with pytest.raises(Conflict):
        run(store.jobs.create(job(1), targets(1, 5)))
    assert len(run(store.targets.of_job(job_id(1)))) == 1


def test_status_goes_forward_only(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    assert (
        run(store.targets.record([update(Status.RUNNING, started=4.0)])).changed[0].status is Status.RUNNING
    )
    assert run(store.targets.record([update(Status.RECEIVED)])) == Recorded()
    assert run(store.targets.record([update(Status.RUNNING)])) == Recorded()
    assert only(store, run).started == 4.0


def test_a_batch_is_applied_in_order_and_each_target_told_once(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 2)))
    batch = [update(Status.RECEIVED), update(Status.RUNNING, 6.0), update(Status.RECEIVED, 7.0)]
    changed = run(
        store.targets.record([*batch, update(Status.UNRESPONSIVE, 8.0, 1, reason="silent")])
    ).changed
    assert [(each.status, each.updated, each.reason) for each in changed] == [
        (Status.RUNNING, 6.0, ""),
        (Status.UNRESPONSIVE, 8.0, "silent"),
    ]
    assert run(store.targets.of_job(job_id(1))) == list(changed)


def test_unknown_targets_are_named_and_the_others_recorded(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    recorded = run(store.targets.record([update(Status.RUNNING, agent=7), update(Status.RUNNING)]))
    assert recorded.unknown == ((job_id(1), agent_key(7)),)
    assert [each.key for each in recorded.changed] == [agent_key(0)]
    assert run(store.returns.record([answer(agent=7)])).unknown == ((job_id(1), agent_key(7)),)


def test_a_return_is_final(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    error = Error(kind="ValueError", message="bad\0", detail="…", hint="don't")
    first = answer(Status.FAILED, retcode=2, data=b'{"a":1}', error=error, started=3.0, finished=4.0)
    changed = run(store.returns.record([first])).changed
    assert [(each.status, each.retcode, each.size, each.proven) for each in changed] == [
        (Status.FAILED, 2, 7, True)
    ]
    assert run(store.returns.record([first, answer(Status.OK, data=b"1")])) == Recorded()
    assert run(store.targets.record([update(Status.RUNNING), update(Status.LOST)])) == Recorded()
    returned = run(store.returns.get(*PAIR))
    assert returned is not None
    assert (returned.data, returned.error, returned.target) == (b'{"a":1}', error, changed[0])


def test_a_return_twice_in_one_batch_counts_once(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    assert len(run(store.returns.record([answer(data=b"1"), answer(data=b"2")])).changed) == 1
    assert run(everything(store.returns.data(*PAIR))) == [b"1"]


def test_a_late_return_replaces_what_was_concluded(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    run(store.targets.record([update(Status.LOST, reason="gone")]))
    assert run(store.returns.record([answer()])).changed[0].status is Status.OK
    assert only(store, run).reason == ""


def test_an_agents_odd_values_spoil_nobodys_batch(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 3)))
    batch = [
        answer(
            Status.FAILED, 0, retcode=2**64 - 1, started=float("nan"), finished=float("inf"), reason="a\0b"
        ),
        answer(Status.SENT, 1),
        answer(agent=2, data=b"x" * (1024 * 1024 + 1)),
    ]
    recorded = run(store.returns.record(batch))
    assert [(each.retcode, each.started, each.finished, each.reason) for each in recorded.changed] == [
        (2**31 - 1, None, 9.0, "a\ufffdb")
    ]
    assert recorded.damaged == {
        (job_id(1), agent_key(1)): "'sent' is no verdict",
        (job_id(1), agent_key(2)): "1048577 bytes of data in one piece; the limit is 1048576",
    }


def blob(pieces: list[bytes]) -> Blob:
    whole = b"".join(pieces)
    return Blob(chunks=len(pieces), size=len(whole), sha256=hashlib.sha256(whole).digest())


def put(store: Store, run: Run, pieces: list[bytes]) -> None:
    for n, piece in reversed(list(enumerate(pieces))):
        assert run(store.returns.put_chunk(*PAIR, n, piece))


def test_large_data_arrives_in_chunks_in_any_order(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    pieces = [bytes([n]) * 700_000 for n in range(8)]
    put(store, run, pieces)
    put(store, run, pieces[:3])
    assert run(store.returns.record([answer(blob=blob(pieces))])).changed[0].size == 8 * 700_000
    assert run(everything(store.returns.data(*PAIR))) == pieces
    returned = run(store.returns.get(*PAIR))
    assert returned is not None
    assert returned.data is None
    assert not run(store.returns.put_chunk(*PAIR, 0, b"changed afterwards"))
    assert run(everything(store.returns.data(*PAIR))) == pieces


@pytest.mark.parametrize(
    ("lie", "fault"),
    [
        (Blob(chunks=3, size=20, sha256=b""), "chunk 2 of 3 is missing"),
        (Blob(chunks=2, size=21, sha256=b""), "20 bytes, it says 21"),
        (Blob(chunks=2, size=20, sha256=b"?" * 32), "SHA-256"),
        (Blob(chunks=-1, size=20, sha256=b""), "-1 chunks"),
    ],
)
def test_damaged_data_is_not_taken(store: Store, run: Run, lie: Blob, fault: str) -> None:
    run(store.jobs.create(job(1), targets(1, 2)))
    pieces = [b"0123456789", b"9876543210"]
    put(store, run, pieces)
    recorded = run(store.returns.record([answer(blob=lie), answer(agent=1)]))
    assert fault in recorded.damaged[PAIR]
    assert [each.key for each in recorded.changed] == [agent_key(1)]
    assert not only(store, run).proven
    assert run(store.returns.record([answer(blob=blob(pieces))])).changed[0].proven


def test_chunks_nobody_asked_for_are_refused(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    assert not run(store.returns.put_chunk(job_id(1), agent_key(5), 0, b"x"))
    assert not run(store.returns.put_chunk(*PAIR, -1, b"x"))
    assert not run(store.returns.put_chunk(*PAIR, 2**31, b"x"))
    assert not run(store.returns.put_chunk(*PAIR, 0, b"x" * (1024 * 1024 + 1)))


def test_a_return_has_a_largest_size(store: Store, run: Run) -> None:
    store.returns._largest = 25
    run(store.jobs.create(job(1), targets(1, 1)))
    put(store, run, [b"0123456789", b"0123456789"])
    assert not run(store.returns.put_chunk(*PAIR, 2, b"0123456789"))
    assert run(store.returns.put_chunk(*PAIR, 1, b"012345678901234"))


def test_no_data_is_not_empty_data(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    with pytest.raises(NotFound, match="no return"):
        run(everything(store.returns.data(*PAIR)))
    run(store.returns.record([answer()]))
    assert run(everything(store.returns.data(*PAIR))) == [b""]


def test_the_stream_has_every_settled_target_once(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1200)))
    run(store.returns.record([answer(agent=each, data=b"%d" % each) for each in range(1100)]))
    run(store.targets.record([update(Status.OFFLINE, agent=1100, reason="away")]))
    streamed = run(everything(store.returns.stream(job_id(1))))
    found = {each.target.name: each.data for each in streamed}
    assert len(streamed) == len(found) == 1101
    assert all(found[f"web{each}.example"] == b"%d" % each for each in range(1100))
    assert found["web1100.example"] == b""
    some = run(everything(store.returns.stream(job_id(1), "web10?.example")))
    assert sorted(each.target.name for each in some) == [f"web10{each}.example" for each in range(10)]


def test_jobs_are_listed_newest_first_in_pages(store: Store, run: Run) -> None:
    for number in range(1, 8):
        run(store.jobs.create(job(number), []))
    first = run(store.jobs.list(JobFilter(limit=3)))
    second = run(store.jobs.list(JobFilter(limit=9, before=first[-1].jid)))
    assert [each.jid for each in [*first, *second]] == [job_id(number) for number in range(7, 0, -1)]


@pytest.mark.parametrize(
    ("filter", "numbers"),
    [
        (JobFilter(user="eve"), [2]),
        (JobFilter(fun="test.*"), [5, 3, 1]),
        (JobFilter(fun="*_[ab]?"), [4]),
        (JobFilter(fun="c%d.run"), [2]),
        (JobFilter(fun="TEST.*"), []),
        (JobFilter(since=3.0, until=5.0), [4, 3]),
        (JobFilter(target="web1.example"), [5, 3]),
        (JobFilter(status=Status.OK), [3]),
        (JobFilter(status=Status.SENT), [5, 4, 3, 2, 1]),
        (JobFilter(status=Status.SENT, target="web1.example", fun="test.*", limit=1), [5]),
        (JobFilter(status=Status.LOST), []),
        (JobFilter(status=Status.FAILED), []),
        (JobFilter(fun="no.*"), []),
        (JobFilter(fun="*", until=3.0), [2, 1]),
        (JobFilter(since=2.0, before=job_id(4)), [3, 2]),
        (JobFilter(text='say "100%_é"'), [4]),
        (JobFilter(text="100"), [4]),
        (JobFilter(text="1000"), []),
        (JobFilter(text="SAY"), []),
        (JobFilter(text="named"), [4]),
    ],
)
def test_jobs_are_found(store: Store, run: Run, filter: JobFilter, numbers: list[int]) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    run(store.jobs.create(job(2, user="eve", fun="c%d.run"), targets(2, 1)))
    run(store.jobs.create(job(3), targets(3, 2)))
    run(store.jobs.create(job(4, fun="my_a1", args=('say "100%_é"',), kwargs={"named": 1}), targets(4, 1)))
    run(store.jobs.create(job(5), targets(5, 2)))
    run(store.returns.record([Answer(jid=job_id(3), key=agent_key(0), verdict=Status.OK, at=1.0)]))
    assert [int(each.jid) for each in run(store.jobs.list(filter))] == numbers


def test_tallies_count_each_status(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 3)))
    run(store.jobs.create(job(2), targets(2, 1)))
    run(store.returns.record([answer(), answer(Status.FAILED, 1)]))
    tallies = run(store.jobs.tallies([job_id(1), job_id(2), job_id(3)]))
    assert {jid: tally.counts for jid, tally in tallies.items()} == {
        job_id(1): {Status.OK: 1, Status.FAILED: 1, Status.SENT: 1},
        job_id(2): {Status.SENT: 1},
    }
    assert run(store.jobs.count_unsettled()) == 2


def test_the_first_who_cancels_is_remembered(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 1)))
    assert run(store.jobs.cancelled(job_id(1), "eve")).cancelled_by == "eve"
    assert run(store.jobs.cancelled(job_id(1), "bob")).cancelled_by == "eve"
    with pytest.raises(NotFound):
        run(store.jobs.cancelled(job_id(9), "bob"))


def test_queued_jobs_wait_until_their_time(store: Store, run: Run) -> None:
    for number, until in ((1, 50.0), (2, 10.0), (3, 60.0)):
        run(store.jobs.create(job(number, queue_until=until), targets(number, 2, Status.QUEUED)))
    assert [each.job for each in run(store.targets.queued(agent_key(0), 20.0))] == [
        job(1, queue_until=50.0),
        job(3, queue_until=60.0),
    ]
    run(store.targets.record([update(Status.SENT)]))
    assert [each.target.jid for each in run(store.targets.queued(agent_key(0), 20.0))] == [job_id(3)]
    late = run(store.targets.expire_queued(55.0))
    assert {(each.jid, each.key, each.status) for each in late} == {
        (job_id(1), agent_key(1), Status.OFFLINE),
        (job_id(2), agent_key(0), Status.OFFLINE),
        (job_id(2), agent_key(1), Status.OFFLINE),
    }
    assert all("did not connect" in each.reason for each in late)
    assert run(store.targets.expire_queued(55.0)) == ()


def test_unsettled_targets_are_found_for_recovery(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 3)))
    run(store.returns.record([answer()]))
    run(store.targets.record([update(Status.LOST, agent=1)]))
    assert [each.key for each in run(store.targets.unsettled())] == [agent_key(2)]
    assert run(store.targets.unsettled(agent_key(0))) == []


def test_two_who_record_the_same_agree(store: Store, run: Run) -> None:
    run(store.jobs.create(job(1), targets(1, 300)))

    async def both() -> list[Recorded]:
        answers = [answer(agent=each) for each in range(300)]
        orders = (answers, answers[::-1], answers)
        return list(await asyncio.gather(*(store.returns.record(order) for order in orders)))

    assert sum(len(each.changed) for each in run(both())) == 300
