"""The store on a real PostgreSQL server: several controllers at once, and a server that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from saltern.controller.store import Answer, Presence, Recorded, Store, Update
from saltern.foundation.errors import NotAllowed, Unavailable
from saltern.model.status import Status
from saltern.model.token import Token
from saltern.testing.postgresql import PostgreSQL, binaries
from saltern.testing.stored import agent, agent_key, job, job_id, targets

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with PostgreSQL(programs) as running:
        yield running


@pytest.fixture
def address(server: PostgreSQL) -> str:
    return server.address()


def test_a_server_that_goes_away_and_comes_back(server: PostgreSQL, address: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with await Store.open(address, anchor=tmp_path / "anchor") as store:
            await store.jobs.create(job(1), targets(1, 10))
            server.stop()
            with pytest.raises(Unavailable, match="does not answer") as caught:
                await store.meta.set("a", "b")
            assert caught.value.hint
            with pytest.raises(Unavailable):
                await store.targets.of_job(job_id(1))
            server.start()
            assert await store.targets.of_job(job_id(1)) == targets(1, 10)
            await store.meta.set("a", "b")

    asyncio.run(main())


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer") as caught:
        asyncio.run(Store.open(f"postgresql://saltern@/none?host={tmp_path}", anchor=tmp_path / "anchor"))
    assert "see that it runs" in caught.value.hint


def test_a_database_that_is_not_there(address: str, tmp_path: Path) -> None:
    missing = address.replace("/test", "/missing")
    with pytest.raises(Unavailable, match="does not exist"):
        asyncio.run(Store.open(missing, anchor=tmp_path / "anchor"))


def test_two_controllers_record_the_same_without_deadlock(address: str, tmp_path: Path) -> None:
    count = 400

    async def batches(store: Store, *, backwards: bool) -> list[Recorded]:
        numbers = range(count)[:: -1 if backwards else 1]
        updates = [
            Update(jid=job_id(1 + n % 4), key=agent_key(n), status=Status.RUNNING, at=1.0) for n in numbers
        ]
        answers = [
            Answer(jid=job_id(1 + n % 4), key=agent_key(n), verdict=Status.OK, at=2.0) for n in numbers
        ]
        seen = [Presence(key=agent_key(n), online=True, at=3.0) for n in numbers]
        recorded = await asyncio.gather(
            store.targets.record(updates),
            store.returns.record(answers),
            store.agents.touch(seen),
            store.returns.record(answers[::-1]),
        )
        return [each for each in recorded if isinstance(each, Recorded)]

    async def main() -> None:
        async with (
            await Store.open(address, anchor=tmp_path / "one") as one,
            await Store.open(address, anchor=tmp_path / "two") as two,
        ):
            for n in range(count):
                await one.agents.add(agent(n))
            for number in range(1, 5):
                await one.jobs.create(job(number), targets(number, count))
            results = await asyncio.gather(batches(one, backwards=False), batches(two, backwards=True))
            proven = [each for store in results for done in store for each in done.changed if each.proven]
            assert len(proven) == count
            assert (await one.retention.prune(before=100.0)).jobs == 0

    asyncio.run(main())


def test_two_controllers_share_a_token_exactly(address: str, tmp_path: Path) -> None:
    async def main() -> Sequence[object]:
        async with (
            await Store.open(address, anchor=tmp_path / "one") as one,
            await Store.open(address, anchor=tmp_path / "two") as two,
        ):
            await one.tokens.create(Token(id="T", created=0.0, expires=999.0, uses_left=5, creator="root"))
            joins = [(one, two)[n % 2].agents.add(agent(n), token="T") for n in range(30)]
            results = await asyncio.gather(*joins, return_exceptions=True)
            assert len(await one.agents.list()) == 5
            return results

    results = asyncio.run(main())
    assert sum(isinstance(each, NotAllowed) for each in results) == 25


def test_two_controllers_prune_at_once(address: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            await Store.open(address, anchor=tmp_path / "one") as one,
            await Store.open(address, anchor=tmp_path / "two") as two,
        ):
            for number in range(1, 6):
                await one.jobs.create(job(number), targets(number, 50, Status.OFFLINE))
            await asyncio.gather(one.retention.prune(before=99.0), two.retention.prune(before=99.0))
            assert await one.jobs.list() == []
            assert await one.retention.weight() == 0

    asyncio.run(main())
