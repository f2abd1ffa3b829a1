"""Join tokens. Only their public ids are here: who reads the database cannot join with what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from saltern.controller.store import tables
from saltern.controller.store.values import plain
from saltern.foundation.errors import Conflict, NotAllowed, NotFound
from saltern.model.token import Token, TokenState

if TYPE_CHECKING:
    from saltern.controller.store.database import Database

_TOKENS = tables.tokens
_FIELDS = Token.__struct_fields__
_COLUMNS = [_TOKENS.c[name] for name in _FIELDS]


class Tokens:
    """The join tokens ever made; the caller says what time it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, token: Token) -> None:
        """Record a new token. Raises Conflict when its id is taken."""
        await self._database.write(lambda connection: _create(connection, token))

    async def get(self, id: str) -> Token | None:
        """Return the token; None when there is none."""
        return await self._database.read(lambda connection: _get(connection, id))

    async def list(self) -> list[Token]:
        """Return all tokens, newest first; ``Token.state`` tells which are still good."""
        query = sa.select(*_COLUMNS).order_by(_TOKENS.c.created.desc(), _TOKENS.c.id)
        return await self._database.read(
            lambda connection: [_token(row) for row in connection.execute(query)]
        )

    async def spend(self, id: str, now: float) -> Token:
        """Take one use and return what is left; of many at once exactly as many succeed as it has uses.

        Raises NotAllowed when the token is unknown, expired, spent or revoked, and says which.
        """
        return await self._database.write(lambda connection: spend(connection, id, now))

    async def revoke(self, id: str, now: float) -> Token:
        """See that the token lets nobody in any more; again is no error. Raises NotFound."""
        return await self._database.write(lambda connection: _revoke(connection, id, now))

    async def forget(self, *, before: float) -> int:
        """Delete tokens that expired before that time; return how many."""
        query = sa.delete(_TOKENS).where(_TOKENS.c.expires < before)
        return await self._database.write(lambda connection: connection.execute(query).rowcount)


def spend(connection: sa.Connection, id: str, now: float) -> Token:
    """Take one use of the token within a transaction; see ``Tokens.spend``."""
    usable = sa.and_(
        _TOKENS.c.id == id,
        _TOKENS.c.revoked.is_(None),
        _TOKENS.c.expires > now,
        sa.or_(_TOKENS.c.uses_left.is_(None), _TOKENS.c.uses_left > 0),
    )
    take = sa.update(_TOKENS).where(usable).values(uses_left=_TOKENS.c.uses_left - 1)
    spent = connection.execute(take).rowcount
    token = _get(connection, id)
    if token is None:
        raise NotAllowed("no such join token", hint="make one with: saltern token create")
    if not spent:
        raise NotAllowed(
            f"the join token is {_refusal(token, now)}", hint="make one with: saltern token create"
        )
    return token


def _refusal(token: Token, now: float) -> str:
    state = token.state(now)
    return "already used up" if state in (TokenState.SPENT, TokenState.VALID) else state.value


def _create(connection: sa.Connection, token: Token) -> None:
    if _get(connection, token.id) is not None:
        raise Conflict("a join token with this id exists", hint="make a new key for it")
    row = {name: getattr(token, name) for name in _FIELDS}
    row["grains"] = msgspec.json.encode(token.grains).decode()
    connection.execute(
        sa.insert(_TOKENS), row | {name: plain(row[name]) for name in ("note", "creator", "id_pattern")}
    )


def _get(connection: sa.Connection, id: str) -> Token | None:
    row = connection.execute(sa.select(*_COLUMNS).where(_TOKENS.c.id == id)).first()
    return _token(row) if row else None


def _token(row: sa.Row[Any]) -> Token:
    values = dict(zip(_FIELDS, row, strict=True))
    values["grains"] = msgspec.json.decode(str(values["grains"]))
    return msgspec.convert(values, Token)


def _revoke(connection: sa.Connection, id: str, now: float) -> Token:
    mark = sa.update(_TOKENS).where(_TOKENS.c.id == id, _TOKENS.c.revoked.is_(None)).values(revoked=now)
    connection.execute(mark)
    token = _get(connection, id)
    if token is None:
        raise NotFound("no such join token", hint="list them with: saltern token list")
    return token
