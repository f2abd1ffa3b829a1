"""The audit log: nothing can be changed, taken out, moved or cut off unseen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import sqlalchemy as sa

from saltern.controller.store import Act, Store, tables
from saltern.controller.store.masking import masked
from saltern.foundation.errors import Conflict

T = TypeVar("T")
AUDIT = tables.audit


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


def act(number: int = 0, **fields: Any) -> Act:
    given: dict[str, Any] = {
        "at": 0.1 + number,
        "principal": "root",
        "action": "run",
        "target": f"web{number}",
        "decision": "allowed",
    }
    return Act(**(given | fields))


def tamper(store: Store, run: Run, *statements: Any) -> None:
    def work(connection: sa.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    run(store._database.write(work))


def change(entry: int, **values: Any) -> Any:
    return sa.update(AUDIT).where(AUDIT.c.seq == entry).values(**values)


def fill(store: Store, run: Run, count: int = 10) -> None:
    run(store.audit.append(*(act(number) for number in range(count))))


def test_a_whole_log_verifies(store: Store, run: Run) -> None:
    assert run(store.audit.verify()).whole
    fill(store, run, 2500)
    report = run(store.audit.verify())
    assert (report.whole, report.entries, report.problem) == (True, 2500, "")
    assert report.head == run(store.audit.entries(after=2499))[0].hash


def test_entries_come_back_as_written(store: Store, run: Run) -> None:
    odd = act(
        1, principal="é\0\ud800", target="{{ x }}\n", arguments={"a": [1, None, 2.5], "password": "hunter2"}
    )
    written = run(store.audit.append(odd, act(2)))
    assert run(store.audit.entries()) == written
    assert written[0].arguments == '{"a":[1,null,2.5],"password":"****"}'
    assert run(store.audit.verify()).whole


@pytest.mark.parametrize(
    ("statements", "at", "problem"),
    [
        ([change(4, principal="nobody")], 4, "entry 4 was changed"),
        ([change(4, at=99.0)], 4, "entry 4 was changed"),
        ([sa.delete(AUDIT).where(AUDIT.c.seq == 4)], 4, "entry 4 is missing"),
        ([sa.delete(AUDIT).where(AUDIT.c.seq == 1)], 1, "entry 1 is missing"),
        ([change(4, seq=99), change(5, seq=4), change(99, seq=5)], 4, "entry 4 was changed"),
        ([sa.delete(AUDIT).where(AUDIT.c.seq > 7)], 8, "it ends at entry 7, but had 10"),
        ([sa.delete(AUDIT)], 1, "it ends at entry 0, but had 10"),
    ],
)
def test_what_was_done_to_it_is_named(
    store: Store, run: Run, statements: list[Any], at: int, problem: str
) -> None:
    fill(store, run)
    tamper(store, run, *statements)
    report = run(store.audit.verify())
    assert not report.whole
    assert report.at == at
    assert problem in report.problem


def test_a_log_forged_whole_does_not_reach_its_anchor(
    store: Store, run: Run, tmp_path: Path, address: str
) -> None:
    fill(store, run)
    tamper(store, run, sa.delete(AUDIT))

    async def forge() -> None:
        async with await Store.open(address, anchor=tmp_path / "other") as forger:
            await forger.audit.append(*(act(number, principal="nobody") for number in range(12)))

    run(forge())
    report = run(store.audit.verify())
    assert (report.whole, report.at) == (False, 10)
    assert "replaced" in report.problem


def test_a_cut_log_is_not_written_on_until_the_loss_is_accepted(store: Store, run: Run) -> None:
    fill(store, run)
    tamper(store, run, sa.delete(AUDIT).where(AUDIT.c.seq > 7))
    with pytest.raises(Conflict, match="ends at entry 7, but had 10"):
        run(store.audit.append(act()))
    assert run(store.audit.accept_loss(principal="root", at=50.0)).seq == 8
    run(store.audit.append(act(77)))
    assert run(store.audit.verify()).whole
    entries = run(store.audit.entries(after=7))
    assert [each.action for each in entries] == ["audit.accept_loss", "run"]
    assert '"expected":10' in entries[0].arguments


def test_a_lost_anchor_is_told_in_the_log(store: Store, run: Run, address: str, tmp_path: Path) -> None:
    fill(store, run)

    async def another() -> tuple[bool, list[str], bool]:
        async with await Store.open(address, anchor=tmp_path / "new") as other:
            before = await other.audit.verify()
            assert [each.target for each in await other.audit.append(act(5))] == ["web5"]
            actions = [each.action for each in await other.audit.entries(after=10)]
            return before.whole, actions, (await other.audit.verify()).whole

    assert run(another()) == (False, ["audit.anchor", "run"], True)
    run(store.audit.append(act(6)))  # the first goes on beside it
    assert run(store.audit.verify()).whole


def test_the_anchor_is_private_and_a_damaged_one_is_named(
    store: Store, run: Run, address: str, tmp_path: Path
) -> None:
    fill(store, run)
    anchor = tmp_path / "anchor"
    assert anchor.stat().st_mode & 0o777 == 0o600
    (tmp_path / "broken").write_bytes(b"0000 nonsense")

    async def open_broken() -> None:
        async with await Store.open(address, anchor=tmp_path / "broken") as other:
            await other.audit.append(act())

    with pytest.raises(Conflict, match="anchor of the audit log is damaged"):
        run(open_broken())


def test_many_who_write_at_once_make_one_chain(store: Store, run: Run, address: str, tmp_path: Path) -> None:
    async def all_at_once() -> None:
        async with await Store.open(address, anchor=tmp_path / "second") as other:
            await asyncio.gather(
                *((store, other)[number % 2].audit.append(act(number)) for number in range(60))
            )

    run(all_at_once())
    report = run(store.audit.verify())
    assert report.whole
    actions = [each.action for each in run(store.audit.entries())]
    assert actions.count("run") == 60
    assert actions.count("audit.anchor") <= 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"db_password": "x", "user": "me"}, {"db_password": "****", "user": "me"}),
        ({"apiKey": {"a": 1}, "tokens": ["a"]}, {"apiKey": "****", "tokens": "****"}),
        (
            {"password_hash": None, "enforce_password": True},
            {"password_hash": None, "enforce_password": True},
        ),
        (["mysql --password=abc db"], ["mysql --password=**** db"]),
        (["MYSQL_PWD=abc mysql"], ["MYSQL_PWD=**** mysql"]),
        (["tool --token abc run"], ["tool --token **** run"]),
        (["https://me:secretword@host/x"], ["https://me:****@host/x"]),
        (
            ["-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"],
            ["**** RSA PRIVATE KEY-----"],
        ),
        (["echo hello", 5, None], ["echo hello", 5, None]),
    ],
)
def test_secrets_are_masked(value: Any, shown: Any) -> None:
    assert masked(value) == shown


@pytest.mark.parametrize("text", ["x" * 20_000, "passw" * 4_000, "--token-" * 2_500, "token= " * 3_000])
def test_covering_secrets_takes_time_in_proportion_to_the_text(text: str) -> None:
    began = time.process_time()
    masked(text)
    assert time.process_time() - began < 1.0
