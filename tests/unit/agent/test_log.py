"""The append-only file: torn, damaged, full of noise."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.agent.log import Log, frame, parse


@given(st.lists(st.binary(max_size=200)))
def test_what_is_written_is_read(payloads: list[bytes]) -> None:
    data = b"".join(map(frame, payloads))
    assert parse(data) == (payloads, len(data), 0)


@given(st.lists(st.binary(max_size=50), min_size=1), st.integers(min_value=1))
def test_a_torn_end_costs_the_last_record_only(payloads: list[bytes], cut: int) -> None:
    data = b"".join(map(frame, payloads))
    torn = data[: len(data) - 1 - cut % len(frame(payloads[-1]))]
    found = parse(torn)
    assert found.payloads == payloads[:-1]
    assert found.skipped == 0


@given(st.binary(max_size=2000))
def test_noise_never_raises(noise: bytes) -> None:
    parse(noise)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=3), st.data())
def test_damage_in_the_middle_costs_one_record(payloads: list[bytes], data: st.DataObject) -> None:
    records = [bytearray(frame(payload)) for payload in payloads]
    hit = data.draw(st.integers(0, len(payloads) - 2))
    where = data.draw(st.integers(0, len(records[hit]) - 1))
    records[hit][where] ^= data.draw(st.integers(1, 255))
    found = parse(b"".join(records))
    assert [payload for number, payload in enumerate(payloads) if number != hit] == found.payloads
    assert found.skipped == len(records[hit])


def test_opening_cuts_the_torn_end_off(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(frame(b"one") + frame(b"two")[:-1])
    log = Log(path)
    log.append(b"three")
    log.close()
    assert parse(path.read_bytes()) == ([b"one", b"three"], len(frame(b"one") + frame(b"three")), 0)


def test_the_file_is_private(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        Log(tmp_path / "log").close()
    finally:
        os.umask(old)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_those_who_wait_together_share_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(os, "fdatasync", syncs.append)

    async def many() -> None:
        log = Log(tmp_path / "log")
        for number in range(100):
            log.append(b"%d" % number)
        await asyncio.gather(*(log.commit() for _ in range(100)))
        log.close()

    asyncio.run(many())
    assert len(syncs) == 1


def test_a_commit_covers_what_was_appended_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))

    async def course() -> None:
        log = Log(path)

        async def write(number: int) -> None:
            log.append(b"x" * number)
            size = log.size
            await log.commit()
            assert max(synced) >= size

        await asyncio.gather(*(write(number) for number in range(50)))
        await write(3)
        log.close()

    asyncio.run(course())


def test_a_failed_sync_is_told_to_all_who_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "the disk is broken")

    monkeypatch.setattr(os, "fdatasync", fail)

    async def course() -> list[object]:
        log = Log(tmp_path / "log")
        log.append(b"x")
        results = await asyncio.gather(log.commit(), log.commit(), return_exceptions=True)
        log.close()
        return list(results)

    assert [type(result) for result in asyncio.run(course())] == [OSError, OSError]


def test_replacing_keeps_what_is_appended_afterwards(tmp_path: Path) -> None:
    async def course() -> None:
        log = Log(tmp_path / "log")
        log.append(b"old")
        await log.replace(lambda: [b"new"])
        log.append(b"newer")
        await log.commit()
        log.close()

    asyncio.run(course())
    assert parse((tmp_path / "log").read_bytes()).payloads == [b"new", b"newer"]
