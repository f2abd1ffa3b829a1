"""Privacy, locks, full disks and kill -9: what the files look like and what is left afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import sqlalchemy as sa

from saltern.controller.store import Answer, DiskFull, Store, engine, lanes
from saltern.controller.store.database import Database
from saltern.foundation.errors import SalternError, SettingsError, Unavailable
from saltern.model.status import Status
from saltern.testing.stored import agent_key, job, job_id, targets

T = TypeVar("T")


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state/store.db"


@pytest.fixture
def sqlite(path: Path, tmp_path: Path, run: Run) -> Iterator[Store]:
    opened = run(Store.open(f"sqlite:///{path}", anchor=tmp_path / "anchor"))
    yield opened
    run(opened.close())


def open_at(address: str, tmp_path: Path) -> Coroutine[Any, Any, Store]:
    return Store.open(address, anchor=tmp_path / "anchor")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- privacy and addresses


def test_all_files_are_private(sqlite: Store, run: Run, path: Path) -> None:
    run(sqlite.meta.set("a", "b"))
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["store.db", "store.db-shm", "store.db-wal"]
    assert [mode(file) for file in files] == [0o600] * 3
    assert mode(path.parent) == 0o700


def test_a_file_is_never_open_to_others(
    path: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    make = engine.sqlite_engine

    def watching(file: Path, *, writes: bool) -> sa.Engine:
        seen.append(mode(file))
        return make(file, writes=writes)

    monkeypatch.setattr(engine, "sqlite_engine", watching)
    old = os.umask(0)
    try:
        run(run(open_at(f"sqlite:///{path}", tmp_path)).close())
    finally:
        os.umask(old)
    assert seen == [0o600, 0o600]
    assert mode(path.parent) == 0o700


def test_a_file_left_open_to_others_is_closed(path: Path, run: Run, tmp_path: Path) -> None:
    run(run(open_at(f"sqlite:///{path}", tmp_path)).close())
    path.chmod(0o644)
    run(run(open_at(f"sqlite:///{path}", tmp_path)).close())
    assert mode(path) == 0o600


def test_a_directory_others_may_write_is_refused(tmp_path: Path, run: Run) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(SettingsError, match="others may write"):
        run(open_at(f"sqlite:///{shared}/store.db", tmp_path))
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("nonsense", "not a database address"),
        ("mysql://host/db", "no support for the database 'mysql'"),
        ("sqlite://", "absolute path"),
        ("sqlite:///relative.db", "absolute path"),
    ],
)
def test_wrong_addresses_are_explained(address: str, problem: str, tmp_path: Path, run: Run) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        run(open_at(address, tmp_path))
    assert "postgresql://" in caught.value.hint


def test_a_file_that_is_no_database_is_named(path: Path, tmp_path: Path, run: Run) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(Unavailable, match="not a database") as caught:
        run(open_at(f"sqlite:///{path}", tmp_path))
    assert caught.value.where == f"sqlite:///{path}"


def test_a_password_is_never_shown(tmp_path: Path, run: Run) -> None:
    with pytest.raises(Unavailable, match="does not answer") as caught:
        run(open_at(f"postgresql://me:hunter2@/db?host={tmp_path}", tmp_path))
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"
    assert "***" in caught.value.where


def test_data_is_not_shown_in_errors(sqlite: Store, run: Run) -> None:
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO nothing VALUES (:value)"), {"value": "hunter2"})

    with pytest.raises(sa.exc.OperationalError) as caught:
        run(sqlite._database.write(work))
    assert "hunter2" not in str(caught.value)


def test_what_is_acknowledged_is_flushed(sqlite: Store, run: Run) -> None:
    def settings(connection: sa.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert run(sqlite._database.write(settings)) == ["wal", 2, 1, 2]


# --- threads


def test_waiting_work_shares_one_commit_and_fails_alone(sqlite: Store, run: Run) -> None:
    database: Database = sqlite._database
    commits: list[object] = []
    sa.event.listen(database._engines[0], "commit", commits.append)
    hold, begun = threading.Event(), threading.Event()

    def wait(_connection: sa.Connection) -> bool:
        begun.set()
        return hold.wait(30)

    def bad(_connection: sa.Connection) -> None:
        raise SalternError("mine")

    async def group(*, fail: bool) -> list[object]:
        hold.clear()
        begun.clear()
        first = asyncio.ensure_future(database.write(wait))
        assert await asyncio.to_thread(begun.wait, 30)
        others = [asyncio.ensure_future(sqlite.meta.set(str(number), "x")) for number in range(20)]
        others += [asyncio.ensure_future(database.write(bad))] if fail else []
        await asyncio.sleep(0)
        hold.set()
        return list(await asyncio.gather(first, *others, return_exceptions=True))

    assert run(group(fail=False)) == [True, *[None] * 20]
    assert len(commits) <= 3
    *good, failed = run(group(fail=True))
    assert good == [True, *[None] * 20]
    assert isinstance(failed, SalternError)


def test_work_nobody_waits_for_any_more_is_not_begun(sqlite: Store, run: Run) -> None:
    hold, begun = threading.Event(), threading.Event()

    def wait(_connection: sa.Connection) -> bool:
        begun.set()
        return hold.wait(30)

    async def cancelled() -> str | None:
        first = asyncio.ensure_future(sqlite._database.write(wait))
        assert await asyncio.to_thread(begun.wait, 30)
        second = asyncio.ensure_future(sqlite.meta.set("a", "b"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        hold.set()
        await asyncio.gather(first, second, return_exceptions=True)
        return await sqlite.meta.get("a")

    assert run(cancelled()) is None


def test_closing_finishes_what_is_under_way(path: Path, run: Run, tmp_path: Path) -> None:
    async def write_and_close() -> None:
        store = await open_at(f"sqlite:///{path}", tmp_path)
        writes = [
            asyncio.ensure_future(store.meta.set(str(number), "x")) for number in range(lanes.GROUP * 3)
        ]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*writes)

    run(write_and_close())
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM meta").fetchone() == (lanes.GROUP * 3,)
    raw.close()


def test_a_locked_database_stops_nobody_else(sqlite: Store, run: Run, path: Path) -> None:
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")

    async def beside() -> tuple[bool, str | None]:
        writing = asyncio.create_task(sqlite.meta.set("a", "b"))
        for _ in range(200):  # the loop turns and reads go on while the writer waits
            assert await sqlite.meta.get("a") is None
        waiting = not writing.done()
        raw.execute("COMMIT")
        await writing
        return waiting, await sqlite.meta.get("a")

    assert run(beside()) == (True, "b")
    raw.close()


def test_a_lock_that_stays_is_an_error_that_says_so(
    path: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT", 0.05)
    store = run(open_at(f"sqlite:///{path}", tmp_path))
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked by another program"):
        run(store.meta.set("a", "b"))
    raw.execute("COMMIT")
    raw.close()
    run(store.meta.set("a", "b"))
    run(store.close())


# --- full disks


def answers(number: int, count: int, data: bytes) -> list[Answer]:
    return [
        Answer(jid=job_id(number), key=agent_key(each), verdict=Status.OK, at=1.0, data=data)
        for each in range(count)
    ]


def test_a_full_database_says_so_and_goes_on_when_there_is_room(sqlite: Store, run: Run) -> None:
    run(sqlite.jobs.create(job(1), targets(1, 20)))

    def limit(pages: int) -> Any:
        return sqlite._database.write(
            lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar()
        )

    run(limit(run(limit(1)) + 50))
    with pytest.raises(DiskFull, match="is full") as caught:
        run(sqlite.returns.record(answers(1, 20, b"x" * 100_000)))
    assert "make room" in caught.value.hint
    assert not any(target.proven for target in run(sqlite.targets.of_job(job_id(1))))
    run(limit(2**30))
    assert len(run(sqlite.returns.record(answers(1, 20, b"x" * 100_000))).changed) == 20


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_loses_nothing_acknowledged(tmp_path: Path, run: Run) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        _fill_and_free(disk, tmp_path, run)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def _fill_and_free(disk: Path, tmp_path: Path, run: Run) -> None:
    store = run(open_at(f"sqlite:///{disk}/store.db", tmp_path))
    (disk / "ballast").write_bytes(b"x" * 1_500_000)
    run(store.jobs.create(job(1), targets(1, 100)))
    taken = 0
    with pytest.raises(DiskFull):
        for each in range(100):
            run(store.returns.record(answers(1, each + 1, b"x" * 100_000)[each:]))
            taken = each + 1
    assert taken > 0
    assert sum(target.proven for target in run(store.targets.of_job(job_id(1)))) == taken
    (disk / "ballast").unlink()
    assert len(run(store.returns.record(answers(1, taken + 1, b"x" * 100_000))).changed) == 1
    run(store.close())


def test_space_is_given_back(sqlite: Store, run: Run, path: Path) -> None:
    run(sqlite.jobs.create(job(1), targets(1, 50)))
    run(sqlite.returns.record(answers(1, 50, b"x" * 200_000)))
    assert run(sqlite.retention.prune(before=100.0)).jobs == 1
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA freelist_count").fetchone() == (0,)
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    raw.close()
    assert path.stat().st_size < 500_000


# --- kill -9

_VICTIM = """
import asyncio, sys
from pathlib import Path
from saltern.controller.store import Answer, Store
from saltern.model.status import Status
from saltern.testing.stored import agent_key, job, job_id, targets

async def main(address, anchor, batch):
    store = await Store.open(address, anchor=Path(anchor))
    for number in range(1, 1000):
        await store.jobs.create(job(number), targets(number, batch))
        await store.returns.record([
            Answer(jid=job_id(number), key=agent_key(each), verdict=Status.OK, at=1.0, data=b"1")
            for each in range(batch)
        ])
        print(number, flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.mark.parametrize("after", [1, 3, 6])
def test_kill_9_leaves_all_of_a_batch_or_nothing(address: str, tmp_path: Path, run: Run, after: int) -> None:
    batch = 500
    command = [sys.executable, "-c", _VICTIM, address, str(tmp_path / "anchor"), str(batch)]
    acknowledged = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        for line in victim.stdout:
            acknowledged = int(line)
            if acknowledged == after:
                victim.send_signal(signal.SIGKILL)
    assert victim.returncode == -signal.SIGKILL

    async def proven() -> dict[int, int]:
        async with await open_at(address, tmp_path) as store:
            jobs = await store.jobs.list()
            return {int(each.jid): await _proven(store, int(each.jid), batch) for each in jobs}

    found = run(proven())
    assert all(found[number] == batch for number in range(1, acknowledged + 1))
    assert set(found.values()) <= {0, batch}


async def _proven(store: Store, number: int, batch: int) -> int:
    found = await store.targets.of_job(job_id(number))
    assert len(found) == batch
    assert len([each async for each in store.returns.stream(job_id(number))]) == sum(
        each.proven for each in found
    )
    return sum(each.proven for each in found)
