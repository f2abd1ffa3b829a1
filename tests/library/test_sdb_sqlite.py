"""Values in an SQLite database, through a host: any plain data, private, whole after each change."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.library.sdb.sqlite import Sqlite
from saltern.sdk.local import LocalHost
from saltern.testing.host import FakeHost

PROFILE = {"driver": "sqlite3", "database": "/secrets.db", "table": "kept", "create_table": True}

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), plain, min_size=1, max_size=4))
def test_what_is_kept_is_found(values: dict[str, Any]) -> None:
    host, driver = FakeHost(), Sqlite()
    for key, value in values.items():
        driver.set(host, key, value, PROFILE)
    assert {key: driver.get(host, key, PROFILE) for key in values} == values
    for key in values:
        assert driver.delete(host, key, PROFILE) is True
        assert driver.delete(host, key, PROFILE) is False
        assert driver.get(host, key, PROFILE) is None


def test_it_is_an_ordinary_database_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.db"
    profile = PROFILE | {"database": str(path)}
    Sqlite().set(LocalHost(), "it's; DROP TABLE kept", "x", profile)
    assert path.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT key FROM kept").fetchall()
    connection.close()
    assert rows == [("it's; DROP TABLE kept",)]


def test_text_that_others_put_there_is_text(tmp_path: Path) -> None:
    path = tmp_path / "secrets.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE kept (key TEXT, value BLOB)")
    connection.execute("INSERT INTO kept VALUES ('a', 'plain')")
    connection.commit()
    connection.close()
    assert Sqlite().get(LocalHost(), "a", PROFILE | {"database": str(path)}) == "plain"


@pytest.mark.parametrize("value", [object(), 2**70])
def test_what_is_no_plain_data_is_refused(value: Any) -> None:
    from saltern.sdk import BadArgument

    with pytest.raises(BadArgument):
        Sqlite().set(FakeHost(), "a", value, PROFILE)
