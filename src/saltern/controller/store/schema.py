"""Bring a database to the present schema when the controller starts."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from saltern.controller.store.tables import REVISIONS
from saltern.foundation.errors import SettingsError

#: Any number that no other program is likely to lock; the same in every version of ours.
_LOCK = 0x5A17E24


def prepare(engine: sa.Engine, where: str) -> None:
    """Bring the database of ``engine`` to the present schema, in one transaction, under a lock.

    Of several controllers that start at once one does it and the others wait. Raises SettingsError when
    the schema is of a newer Saltern; then nothing has been touched.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        present = _revision(connection)
        if present == REVISIONS[-1]:
            return
        _refuse_unknown(present, where)
        _upgrade(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _refuse_unknown(present: str | None, where: str) -> None:
    if present is not None and present not in REVISIONS:
        raise SettingsError(
            f"a newer Saltern made the database (schema {present}; this one knows up to {REVISIONS[-1]})",
            where=where,
            hint="start the newer Saltern, or restore a back-up from before it",
        )


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    command.upgrade(config, "head")
