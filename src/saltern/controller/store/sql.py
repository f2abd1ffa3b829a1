"""The few statements the two databases write differently."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Mapping[str, object] | Sequence[Mapping[str, object]],
    *,
    replace: bool = True,
) -> int:
    """Insert rows; where one with the same primary key exists, replace or leave it. Return rows written."""
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    if replace:
        others = {
            column.name: statement.excluded[column.name] for column in table.c if column.name not in keys
        }
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    return connection.execute(statement, rows).rowcount


def bulk(connection: sa.Connection, statement: sa.Executable, rows: Sequence[Mapping[str, object]]) -> None:
    """Run an insert or update once for each of ``rows``, which hold plain values for the driver.

    The same as ``connection.execute``, in a third less time: SQLAlchemy has no part in each row.
    """
    if rows:
        connection.exec_driver_sql(_driver_text(connection.dialect.name, statement, tuple(rows[0])), rows)


@functools.cache
def _driver_text(dialect: str, statement: sa.Executable, columns: tuple[str, ...]) -> str:
    """Return the statement's text with parameters by name. ``statement`` is a constant of some module."""
    speaks: sa.Dialect = sqlite.dialect(paramstyle="named")
    if dialect == "postgresql":
        speaks = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
    return str(statement.compile(dialect=speaks, column_keys=list(columns)))  # type: ignore[attr-defined]


def asked(
    connection: sa.Connection, pairs: Iterable[tuple[str, str]]
) -> tuple[sa.FromClause, sa.ColumnElement[str], sa.ColumnElement[str]]:
    """Return a table of ``pairs`` to join with, and its two columns. It is one parameter, however many."""
    if connection.dialect.name == "postgresql":
        return _asked_postgresql(list(pairs))
    each = sa.func.json_each(msgspec.json.encode(list(pairs)).decode()).table_valued("value", name="asked")
    return each, sa.func.json_extract(each.c.value, "$[0]"), sa.func.json_extract(each.c.value, "$[1]")


def _asked_postgresql(
    pairs: Sequence[tuple[str, str]],
) -> tuple[sa.FromClause, sa.ColumnElement[str], sa.ColumnElement[str]]:
    texts = postgresql.ARRAY(sa.Text)
    first = sa.literal([pair[0] for pair in pairs], texts)
    second = sa.literal([pair[1] for pair in pairs], texts)
    each = sa.func.unnest(first, second).table_valued("first", "second", name="asked").render_derived()
    return each, each.c.first, each.c.second
