"""The replay window, and what the records add up to."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saltern.agent import journal as module
from saltern.agent.journal import Accepted, Journal, Kept, Marks, Memory, Seen, Settled, Started
from saltern.agent.log import frame
from saltern.foundation.errors import Refused
from saltern.messages.v1 import Order
from saltern.model.ids import AgentKey, JobId


def order(number: int, issued: float = 1000.0, lives: float = 300.0) -> Order:
    return Order(
        jid=JobId(f"{number:020d}"),
        to=AgentKey("U" + "A" * 55),
        issued=issued,
        expires=issued + lives,
        nonce=b"n",
        fun="test.ping",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def admit(journal: Journal, wanted: Order) -> None:
    journal.check(wanted)
    journal.append(Accepted(wanted))


def test_an_order_is_admitted_once(path: Path) -> None:
    journal = Journal(path)
    admit(journal, order(1))
    with pytest.raises(Refused, match="ordered before"):
        journal.check(order(1))
    journal.append(Settled(order(1).jid))
    with pytest.raises(Refused, match="ordered before"):
        journal.check(order(1))
    journal.close()


def test_nor_after_a_restart(path: Path) -> None:
    journal = Journal(path)
    admit(journal, order(1))
    journal.append(Settled(order(1).jid))
    journal.close()
    again = Journal(path)
    with pytest.raises(Refused):
        again.check(order(1))
    again.close()


def test_what_is_forgotten_stays_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 10)
    monkeypatch.setattr(module, "COMPACT_AT", 0)
    journal = Journal(path)
    orders = [order(number, issued=number * 100.0) for number in range(100)]
    for one in orders:
        admit(journal, one)
        journal.append(Settled(one.jid))
    assert asyncio.run(journal.compact())
    assert len(journal.memory.seen) < 30
    journal.close()
    again = Journal(path)
    for one in orders:
        with pytest.raises(Refused):
            again.check(one)
    again.check(order(1000, issued=10000.0))
    again.close()


def test_what_may_still_be_replayed_is_never_forgotten() -> None:
    memory = Memory()
    for number in range(10_000):
        memory.apply(Seen(JobId(f"{number:020d}"), expires=2000.0))
    memory.latest = 2000.0 + module.MARGIN - 1
    memory.forget()
    assert len(memory.seen) == 10_000
    memory.latest += 2
    memory.forget()
    assert len(memory.seen) == module.REMEMBERED


def test_a_clock_that_jumped_ahead_and_back_locks_nobody_out() -> None:
    memory = Memory()
    now, year = 1000.0, 3e7
    memory.apply(Accepted(order(0, issued=now + year)))
    memory.apply(Settled(order(0).jid))
    for number in range(1, module.REMEMBERED + 5000):
        memory.apply(Seen(JobId(f"{number:020d}"), expires=now + number))
    memory.forget()
    assert memory.horizon < now + 5001
    assert order(0).jid in memory.seen


def test_unsettled_orders_outlive_compaction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPACT_AT", 0)
    journal = Journal(path)
    for number in range(4):
        admit(journal, order(number))
    journal.append(Started(order(1).jid, "boot"))
    journal.append(Started(order(2).jid, "boot"))
    kept = Kept(order(2).jid, 1, 2, 3.0, None)
    journal.append(kept)
    journal.append(Settled(order(3).jid))
    asyncio.run(journal.compact())
    before = journal.memory
    journal.close()
    again = Journal(path)
    assert again.memory == before
    assert again.memory.entries[order(2).jid].kept == kept
    again.close()


def test_damage_moves_the_horizon_to_what_is_known(path: Path) -> None:
    encode = msgspec.msgpack.encode
    records = [frame(encode(Accepted(order(number, issued=1000.0 + 600 * number)))) for number in range(3)]
    records[1] = bytes(len(records[1]))
    path.write_bytes(b"".join(records))
    journal = Journal(path)
    assert journal.damage == len(records[1])
    with pytest.raises(Refused):
        journal.check(order(1, issued=1600.0))
    journal.check(order(9, issued=2200.0))
    journal.close()


def test_a_record_of_another_version_is_damage_not_death(path: Path) -> None:
    path.write_bytes(frame(b"\x93not it") + frame(msgspec.msgpack.encode(Marks(5.0, 6.0))))
    journal = Journal(path)
    assert journal.damage
    assert journal.memory.horizon == 6.0
    journal.close()


_jids = st.integers(0, 5).map(lambda number: JobId(f"{number:020d}"))
_records = st.one_of(
    st.builds(lambda number, at: Accepted(order(number, at)), st.integers(0, 5), st.floats(0, 1e4)),
    st.builds(Started, _jids, st.just("boot")),
    st.builds(Kept, _jids, st.just(1), st.just(2), st.just(3.0), st.none()),
    st.builds(Settled, _jids),
    st.builds(Seen, st.integers(10, 15).map(lambda number: JobId(f"{number:020d}")), st.floats(0, 1e4)),
    st.builds(Marks, st.floats(0, 1e4), st.floats(0, 1e4)),
)


@given(st.lists(_records, max_size=30))
def test_writing_it_anew_changes_nothing(records: list[module._Any]) -> None:
    memory, again = Memory(), Memory()
    for record in records:
        memory.apply(record)
    for record in memory.records():
        again.apply(record)
    assert again.entries == memory.entries
    assert again.seen == memory.seen
    assert (again.horizon, again.latest) == (memory.horizon, memory.latest)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(_records, max_size=20), st.randoms(use_true_random=False), st.integers(0, 20))
def test_random_damage_never_keeps_the_journal_shut(
    path: Path, records: list[module._Any], chance: random.Random, hits: int
) -> None:
    data = bytearray(b"".join(frame(msgspec.msgpack.encode(record)) for record in records))
    for _ in range(hits if data else 0):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data)
    journal = Journal(path)
    admit(journal, order(7, issued=1e6))
    journal.close()
    again = Journal(path)
    assert order(7).jid in again.memory.entries
    again.close()
