"""Returns as rows of any database that SQLAlchemy speaks to; in Salt's tables where tools expect those."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from saltern.controller.returners.base import Common, Delivery, Kind, Secret, Thread, Undeliverable
from saltern.foundation.errors import SettingsError, Unavailable
from saltern.model.status import Status


class Sql(Common, frozen=True, kw_only=True):
    """Settings of the kind ``sql``."""

    url: Secret  # as SQLAlchemy writes it: postgresql+psycopg://user:password@host/name
    tables: Literal["saltern", "salt"] = (
        "saltern"  # salt: jids and salt_returns, as Salt's returners have them
    )
    create: bool = True  # make the tables when they are not there


def _own(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "saltern_returns",
        metadata,
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("jid", sa.String(20), nullable=False, index=True),
        sa.Column("agent", sa.String(255), nullable=False, index=True),
        sa.Column("fun", sa.String(255), nullable=False, index=True),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("user", sa.String(255), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("retcode", sa.Integer),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("finished", sa.Double),
        sa.Column("error", sa.Text),
        sa.Column("data", sa.Text, nullable=False),
    )


def _own_row(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "jid": one.jid,
        "agent": one.agent,
        "fun": one.fun,
        "arguments": msgspec.json.encode({"args": one.args, "kwargs": one.kwargs}).decode(),
        "user": one.user,
        "target": one.target,
        "status": one.status.value,
        "retcode": one.retcode,
        "created": one.created,
        "started": one.started,
        "finished": one.finished,
        "error": None if one.error is None else msgspec.json.encode(one.error).decode(),
        "data": one.raw,
    }


def _salt_jids(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "jids",
        metadata,
        sa.Column("jid", sa.String(255), primary_key=True),
        sa.Column("load", sa.Text, nullable=False),
    )


def _salt_returns(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "salt_returns",
        metadata,
        sa.Column("fun", sa.String(50), nullable=False, index=True),
        sa.Column("jid", sa.String(255), nullable=False, index=True),
        sa.Column("return", sa.Text, nullable=False),
        sa.Column("id", sa.String(255), nullable=False, index=True),
        sa.Column("success", sa.String(10), nullable=False),
        sa.Column("full_ret", sa.Text, nullable=False),
        sa.Column("alter_time", sa.DateTime, server_default=sa.func.now()),
    )


def _salt_load(one: Delivery) -> dict[str, Any]:
    load = {"jid": one.jid, "fun": one.fun, "arg": one.args, "kwargs": one.kwargs, "tgt": one.target}
    load |= {"tgt_type": one.target_kind, "user": one.user}
    return {"jid": one.jid, "load": msgspec.json.encode(load).decode()}


def _salt_row(one: Delivery) -> dict[str, Any]:
    success = one.status is Status.OK
    full = {"id": one.agent, "jid": one.jid, "fun": one.fun, "fun_args": one.args, "success": success}
    full |= {"retcode": one.retcode or 0, "return": msgspec.Raw(one.raw.encode())}
    full["_stamp"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(one.finished or one.created))
    return {
        "fun": one.fun,
        "jid": one.jid,
        "return": one.raw,
        "id": one.agent,
        "success": str(success).lower(),
        "full_ret": msgspec.json.encode(full).decode(),
    }


class SqlReturner:
    """Writes a batch in one transaction, on a thread. What was there under the same id is replaced."""

    def __init__(self, settings: Sql) -> None:
        self._settings = settings
        self._thread = Thread("sql")
        try:
            url = sa.make_url(settings.url.reveal())
            if url.drivername == "postgresql":
                url = url.set(drivername="postgresql+psycopg")
            self.address = url.render_as_string(hide_password=True).split("?")[0]
            self._engine = sa.create_engine(
                url, pool_size=1, max_overflow=0, pool_pre_ping=True, hide_parameters=True
            )
        except sa.exc.ArgumentError:  # its text may hold the password
            raise SettingsError("`url` is not a database address as SQLAlchemy writes it") from None
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"the database's driver {error.name} is not installed", hint=f"pip install {error.name}"
            ) from error
        metadata = sa.MetaData()
        salt = settings.tables == "salt"
        self._jobs = _salt_jids(metadata) if salt else None
        self._returns = _salt_returns(metadata) if salt else _own(metadata)
        self._metadata = metadata
        self._ready = not settings.create

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Write them."""
        await self._thread.run(self._write, batch)

    def _write(self, batch: Sequence[Delivery]) -> None:
        try:
            with self._engine.begin() as connection:
                if not self._ready:
                    self._metadata.create_all(connection)
                self._replace(connection, batch)
            self._ready = True
        except (sa.exc.DataError, sa.exc.IntegrityError) as error:
            raise Undeliverable(str(error.orig).strip()) from error
        except sa.exc.DBAPIError as error:
            raise Unavailable(f"{self.address}: {str(error.orig).strip()}") from error
        except sa.exc.TimeoutError as error:
            raise Unavailable(f"{self.address}: the delivery before is still under way") from error

    def _replace(self, connection: sa.Connection, batch: Sequence[Delivery]) -> None:
        table = self._returns
        if self._jobs is None:
            connection.execute(sa.delete(table).where(table.c.id.in_([one.id for one in batch])))
            connection.execute(sa.insert(table), [_own_row(one) for one in batch])
            return
        self._replace_jobs(connection, self._jobs, {one.jid: _salt_load(one) for one in batch})
        same = sa.and_(table.c.jid == sa.bindparam("of_jid"), table.c.id == sa.bindparam("of_id"))
        connection.execute(
            sa.delete(table).where(same), [{"of_jid": one.jid, "of_id": one.agent} for one in batch]
        )
        connection.execute(sa.insert(table), [_salt_row(one) for one in batch])

    def _replace_jobs(self, connection: sa.Connection, table: sa.Table, loads: dict[Any, Any]) -> None:
        query = sa.select(table.c.jid).where(table.c.jid.in_(loads))
        known = set(connection.execute(query).scalars())
        new = [load for jid, load in loads.items() if jid not in known]
        if new:
            with contextlib.suppress(sa.exc.IntegrityError), connection.begin_nested():
                connection.execute(sa.insert(table), new)  # or another controller has just done it

    async def close(self) -> None:
        """Let go of the database."""
        self._thread.end()
        await asyncio.to_thread(self._engine.dispose)


KIND = Kind(Sql, SqlReturner)
