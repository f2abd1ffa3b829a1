"""Deliveries: each return arrives, once a returner is there again, and poison holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.controller.returners import Common, Delivery, Undeliverable
from saltern.controller.returners import courier as courier_module
from saltern.controller.returners.courier import Courier
from saltern.controller.returners.service import wants
from saltern.controller.store import Answer, Store
from saltern.foundation.clock import SystemClock
from saltern.foundation.errors import SalternError, Unavailable
from saltern.model.status import Status
from saltern.testing.stored import agent_key, job, job_id, targets

T = TypeVar("T")


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


class Returner:
    """Takes what it is told to take, and remembers."""

    address = "memory"

    def __init__(self) -> None:
        self.got: list[str] = []
        self.calls = 0
        self.raises: Callable[[Sequence[Delivery]], Exception | None] = lambda batch: None
        self.batches: list[Sequence[Delivery]] = []

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Take the batch, or raise."""
        self.calls += 1
        error = self.raises(batch)
        if error is not None:
            left = {*getattr(error, "refused", ()), *getattr(error, "later", ())}
            if left:
                self.got += [one.id for one in batch if one.id not in left]
            raise error
        self.batches.append(batch)
        self.got += [one.id for one in batch]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are tried again at once."""
    monkeypatch.setattr(courier_module, "FIRST", 0.01)
    monkeypatch.setattr(courier_module, "LONGEST", 0.05)


async def fill(
    store: Store, number: int, agents: int, *names: str, data: bytes = b"1", **fields: Any
) -> None:
    """Have a job's agents all return."""
    await store.jobs.create(job(number, returners=names, **fields), targets(number, agents))
    await store.returns.record(
        [
            Answer(jid=job_id(number), key=agent_key(n), verdict=Status.OK, at=time.time(), data=data)
            for n in range(agents)
        ]
    )


def ids(number: int, agents: int) -> set[str]:
    return {f"{job_id(number)}.{agent_key(n)}" for n in range(agents)}


async def serve(store: Store, returner: Returner, until: Callable[[], Any], **chosen: Any) -> None:
    """Run a courier until a condition is true (awaited when it is a coroutine)."""
    courier = Courier("there", Common(kind="test", **chosen), returner, store, SystemClock(), look=0.05)
    work = asyncio.create_task(courier.run())
    try:
        async with asyncio.timeout(20):
            while True:
                found = until()
                if await found if asyncio.iscoroutine(found) else found:
                    break
                await asyncio.sleep(0.01)
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


def drained(store: Store) -> Callable[[], Coroutine[Any, Any, bool]]:
    async def look() -> bool:
        counts = (await store.deliveries.counts()).get("there")
        return counts is None or counts.waiting == 0

    return look


def test_each_return_arrives_once_with_all_that_is_known_of_it(run: Run, store: Store) -> None:
    returner = Returner()

    async def main() -> None:
        args = ("--password=hunter2", 1)
        await fill(store, 1, 3, "there", data=b'{"a":1}', fun="cmd.run", args=args, user="ann")
        await fill(store, 2, 2)
        await serve(store, returner, drained(store))
        assert set(returner.got) == ids(1, 3)
        assert len(returner.got) == 3
        [batch] = returner.batches
        one = batch[0]
        assert (one.fun, one.user, one.status, one.raw) == ("cmd.run", "ann", Status.OK, '{"a":1}')
        assert b"hunter2" not in one.json()
        counts = (await store.deliveries.counts())["there"]
        assert (counts.delivered, counts.dropped, counts.error) == (3, 0, "")
        assert counts.last_delivery is not None

    run(main())


def test_a_returner_that_is_dead_and_comes_back_misses_nothing(run: Run, store: Store) -> None:
    returner = Returner()
    returner.raises = lambda batch: Unavailable("gone") if returner.calls < 6 else None

    async def main() -> None:
        await fill(store, 1, 25, "there")
        await serve(store, returner, drained(store), batch=10)
        assert set(returner.got) == ids(1, 25)
        assert len(returner.got) == 25

    run(main())


def test_what_it_says_is_wrong_is_kept_until_it_goes_well(run: Run, store: Store) -> None:
    returner = Returner()
    returner.raises = lambda batch: Unavailable("gone fishing", hint="wait")

    async def main() -> None:
        await fill(store, 1, 2, "there")
        await serve(store, returner, lambda: returner.calls > 2)
        counts = (await store.deliveries.counts())["there"]
        assert counts.error == "gone fishing; wait"
        assert counts.waiting == 2
        returner.raises = lambda batch: None
        await serve(store, returner, drained(store))
        assert (await store.deliveries.counts())["there"].error == ""

    run(main())


@pytest.mark.parametrize("says_which", [True, False])
def test_poison_is_set_aside_and_all_others_arrive(run: Run, store: Store, says_which: bool) -> None:
    bad = {f"{job_id(1)}.{agent_key(n)}" for n in (3, 11)}
    returner = Returner()

    def raises(batch: Sequence[Delivery]) -> Exception | None:
        found = {one.id: "bad" for one in batch if one.id in bad}
        if not found:
            return None
        return Undeliverable("poison", refused=found if says_which else None)

    returner.raises = raises

    async def main() -> None:
        await fill(store, 1, 20, "there")
        await serve(store, returner, drained(store))
        assert set(returner.got) == ids(1, 20) - bad
        assert len(returner.got) == 18
        left = await store.deliveries.refused("there", limit=10)
        assert {f"{one.jid}.{one.key}" for one in left} == bad
        assert {one.reason for one in left} == {"bad" if says_which else "poison"}
        assert {one.name for one in left} == {"web3.example", "web11.example"}
        returner.raises = lambda batch: None
        assert await store.deliveries.retry("there") == 2
        await serve(store, returner, drained(store))
        assert set(returner.got) == ids(1, 20)
        assert (await store.deliveries.counts())["there"].refused == 0

    run(main())


def test_a_partial_failure_is_tried_again_for_the_rest_only(run: Run, store: Store) -> None:
    returner = Returner()
    busy = ids(1, 5)

    def raises(batch: Sequence[Delivery]) -> Exception | None:
        return Undeliverable("busy", later=busy & {one.id for one in batch}) if returner.calls == 1 else None

    returner.raises = raises

    async def main() -> None:
        await fill(store, 1, 20, "there")
        await serve(store, returner, drained(store))
        assert sorted(returner.got) == sorted(ids(1, 20))
        assert returner.calls == 2

    run(main())


@pytest.mark.parametrize("error", [ValueError("a bug"), RecursionError("deep")])
def test_a_bug_in_a_returner_is_no_end_of_deliveries(run: Run, store: Store, error: Exception) -> None:
    returner = Returner()
    poison = f"{job_id(1)}.{agent_key(1)}"
    returner.raises = lambda batch: error if poison in {one.id for one in batch} else None

    async def main() -> None:
        await fill(store, 1, 5, "there")
        await serve(store, returner, drained(store))
        assert set(returner.got) == ids(1, 5) - {poison}
        [left] = await store.deliveries.refused("there", limit=10)
        assert str(error) in left.reason

    run(main())


def test_a_returner_that_hangs_is_given_up_after_its_time(run: Run, store: Store) -> None:
    class Slow(Returner):
        async def deliver(self, batch: Sequence[Delivery]) -> None:
            self.calls += 1
            if self.calls < 3:
                await asyncio.Event().wait()
            await super().deliver(batch)

    returner = Slow()

    async def main() -> None:
        await fill(store, 1, 2, "there")
        await serve(store, returner, drained(store), timeout=0.05)
        assert set(returner.got) == ids(1, 2)

    run(main())


def test_what_a_killed_controller_had_taken_is_due_again_when_its_lease_ends(run: Run, store: Store) -> None:
    async def main() -> None:
        await fill(store, 1, 2, "there")
        now = time.time() + 1
        claim: dict[str, int] = {"rows": 10, "room": 1000, "largest": 1000}
        taken = await store.deliveries.claim("there", now=now, until=now + 60, **claim)
        assert len(taken) == 2
        assert await store.deliveries.claim("there", now=now, until=now + 60, **claim) == []
        late = now + 61
        assert len(await store.deliveries.claim("there", now=late, until=late + 60, **claim)) == 2

    run(main())


def test_who_is_stopped_while_it_takes_work_gives_it_back(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = store.deliveries.claim

    async def main() -> None:
        taken, on = asyncio.Event(), asyncio.Event()

        async def slow(*what: Any, **how: Any) -> Any:
            found = await claim(*what, **how)
            taken.set()
            await on.wait()
            return found

        monkeypatch.setattr(store.deliveries, "claim", slow)
        await fill(store, 1, 2, "there")
        courier = Courier("there", Common(kind="test"), Returner(), store, SystemClock())
        work = asyncio.create_task(courier.run())
        await taken.wait()
        work.cancel()
        on.set()
        with pytest.raises(asyncio.CancelledError):
            await work
        now = time.time() + 1
        assert len(await claim("there", now=now, until=now + 60, rows=10, room=1000, largest=1000)) == 2

    run(main())


def test_two_couriers_share_the_work(run: Run, store: Store) -> None:
    one, other = Returner(), Returner()

    async def main() -> None:
        await fill(store, 1, 200, "there")
        await asyncio.gather(
            serve(store, one, drained(store), batch=7), serve(store, other, drained(store), batch=7)
        )
        assert sorted(one.got + other.got) == sorted(ids(1, 200))

    run(main())


def test_too_old_and_too_many_are_dropped_and_counted(run: Run, store: Store) -> None:
    async def main() -> None:
        await fill(store, 1, 10, "there")
        await fill(store, 2, 10, "there")
        assert await store.deliveries.trim("there", before=0.0, most=15) == 5
        counts = (await store.deliveries.counts())["there"]
        assert (counts.waiting, counts.dropped) == (15, 5)
        assert await store.deliveries.trim("there", before=time.time() + 60, most=15) == 15
        counts = (await store.deliveries.counts())["there"]
        assert (counts.waiting, counts.dropped) == (0, 20)

    run(main())


def test_returns_that_retention_has_removed_count_as_dropped(run: Run, store: Store) -> None:
    returner = Returner()

    async def main() -> None:
        await fill(store, 1, 3, "there")
        await fill(store, 2, 3, "there")
        await store.retention.prune(before=1.5)
        await serve(store, returner, drained(store))
        assert set(returner.got) == ids(2, 3)
        counts = (await store.deliveries.counts())["there"]
        assert (counts.delivered, counts.dropped) == (3, 3)

    run(main())


def test_data_that_is_too_large_stays_behind_and_says_its_size(run: Run, store: Store) -> None:
    returner = Returner()

    async def main() -> None:
        await fill(store, 1, 1, "there", data=b'"' + b"x" * 2000 + b'"')
        await serve(store, returner, drained(store), largest=1000)
        [[one]] = returner.batches
        assert one.size == 2002
        assert b'"data"' not in one.json()

    run(main())


def test_a_batch_is_bounded_by_its_bytes_too(run: Run, store: Store) -> None:
    async def main() -> None:
        await fill(store, 1, 10, "there", data=b'"' + b"x" * 998 + b'"')
        now = time.time() + 1
        taken = await store.deliveries.claim(
            "there", now=now, until=now + 9, rows=10, room=2500, largest=100_000
        )
        assert 1 <= len(taken) <= 3

    run(main())


def test_ending_gives_back_what_was_under_way(run: Run, store: Store) -> None:
    class Hanging(Returner):
        async def deliver(self, batch: Sequence[Delivery]) -> None:
            self.calls += 1
            await asyncio.Event().wait()

    hanging, next_ = Hanging(), Returner()

    async def main() -> None:
        await fill(store, 1, 2, "there")
        await serve(store, hanging, lambda: hanging.calls)
        await serve(store, next_, drained(store))
        assert set(next_.got) == ids(1, 2)

    run(main())


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_store_that_fails_for_a_while_loses_nothing(run: Run, store: Store, tmp_path: Path) -> None:
    returner = Returner()
    claim, failures = store.deliveries.claim, 3

    async def failing(*arguments: Any, **named: Any) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Unavailable("locked")
        return await claim(*arguments, **named)

    store.deliveries.claim = failing  # type: ignore[method-assign]

    async def main() -> None:
        await fill(store, 1, 2, "there")
        await serve(store, returner, drained(store))
        assert set(returner.got) == ids(1, 2)

    run(main())


def rules(*functions: str) -> Common:
    return Common(kind="test", functions=functions)


@pytest.mark.parametrize(
    ("functions", "fun", "expected"),
    [
        (("*",), "test.ping", True),
        (("state.*",), "test.ping", False),
        (("state.*", "pkg.*"), "pkg.install", True),
        (("!test.*",), "pkg.install", True),
        (("!test.*",), "test.ping", False),
        (("state.*", "!state.show_*"), "state.show_sls", False),
        ((), "test.ping", True),
    ],
)
def test_functions_choose(functions: tuple[str, ...], fun: str, expected: bool) -> None:
    assert wants(rules(*functions), fun) is expected


@settings(max_examples=20, deadline=None)
@given(bad=st.sets(st.integers(0, 29)), batch=st.integers(1, 40), seed=st.integers(0, 3))
def test_whatever_is_poison_exactly_that_is_left(bad: Collection[int], batch: int, seed: int) -> None:
    """Without a database: an outbox in memory, a returner that cannot tell what is wrong."""
    poison = {f"{job_id(1)}.{agent_key(n)}" for n in bad}
    returner = Returner()

    def raises(given: Sequence[Delivery]) -> Exception | None:
        if returner.calls % 4 == seed:
            return Unavailable("now and then")
        return Undeliverable("some") if poison & {one.id for one in given} else None

    returner.raises = raises

    async def main() -> None:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as directory:
            path = Path(directory)
            async with await Store.open(f"sqlite:///{path}/s.db", anchor=path / "anchor") as store:
                await fill(store, 1, 30, "there")
                await serve(store, returner, drained(store), batch=batch)
                left = await store.deliveries.refused("there", limit=100)
                assert {f"{one.jid}.{one.key}" for one in left} == poison
        assert sorted(returner.got) == sorted(ids(1, 30) - poison)

    asyncio.run(main())


@pytest.mark.parametrize("name", ["batch", "timeout", "waiting", "largest"])
def test_settings_that_make_no_sense(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        msgspec.convert({"kind": "test", name: 0}, Common)
    with pytest.raises((ValueError, SalternError)):
        Common(kind="test", keep="soon")
