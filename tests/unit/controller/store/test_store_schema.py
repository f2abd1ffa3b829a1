"""Migrations end where the metadata says, once, and know what they don't know."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from saltern.controller.store import Store, engine, schema, tables
from saltern.foundation.errors import SettingsError

T = TypeVar("T")

_CATALOGUE = """
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename != 'alembic_version'
UNION SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text != 'alembic_version'
UNION SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable ||
 coalesce(column_default, '')
 FROM information_schema.columns WHERE table_schema = 'public' AND table_name != 'alembic_version'
"""
_SQLITE_CATALOGUE = (
    "SELECT name || ' ' || sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
)


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


def connect(address: str) -> sa.Engine:
    url = engine.parse(address)
    if url.drivername == "sqlite":
        path = Path(url.database or "")
        engine.private_file(path)
        return engine.sqlite_engine(path, writes=True)
    return engine.postgresql_engine(url)


def catalogue(opened: sa.Engine) -> list[str]:
    query = _CATALOGUE if opened.dialect.name == "postgresql" else _SQLITE_CATALOGUE
    with opened.begin() as connection:
        return sorted("".join(text.split()) for text in connection.exec_driver_sql(query).scalars())


def test_the_migrated_schema_is_the_metadata(address: str) -> None:
    opened = connect(address)
    schema.prepare(opened, "here")
    with opened.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    migrated = catalogue(opened)
    tables.metadata.drop_all(opened)
    tables.metadata.create_all(opened)
    assert catalogue(opened) == migrated
    assert any("ix_targets_unsettled" in each for each in migrated)
    opened.dispose()


def test_every_migration_is_known_in_order() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).with_name("migrations"))).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == tables.REVISIONS


def test_a_newer_schema_is_refused_and_left_alone(address: str, tmp_path: Path, run: Run) -> None:
    run(run(Store.open(address, anchor=tmp_path / "anchor")).close())
    opened = connect(address)
    with opened.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingsError, match="a newer Saltern made the database") as caught:
        run(Store.open(address, anchor=tmp_path / "anchor"))
    assert "9999" in caught.value.message
    assert caught.value.hint
    with opened.begin() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    opened.dispose()


def test_controllers_that_start_at_once_agree(address: str, tmp_path: Path, run: Run) -> None:
    async def start(number: int) -> str:
        async with await Store.open(address, anchor=tmp_path / f"anchor{number}") as store:
            return await store.meta.set_once("first", str(number))

    async def all_at_once() -> set[str]:
        return set(await asyncio.gather(*(start(number) for number in range(5))))

    assert len(run(all_at_once())) == 1


def test_a_database_that_is_up_to_date_needs_no_alembic(tmp_path: Path, run: Run) -> None:
    address = f"sqlite:///{tmp_path}/state/store.db"
    run(run(Store.open(address, anchor=tmp_path / "new/anchor")).close())
    program = (
        "import asyncio, sys; from pathlib import Path; from saltern.controller.store import Store\n"
        f"asyncio.run(Store.open({address!r}, anchor=Path({str(tmp_path / 'new/anchor')!r})))\n"
        "print('sqlalchemy' in sys.modules, 'alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"
