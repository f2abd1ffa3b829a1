"""``sql``: rows of a database, by its SQLAlchemy URL. The first columns are keys, the last the value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from saltern.controller.pillar.sources.options import BadData
from saltern.controller.pillar.sources.registry import Ask, Asking, Place
from saltern.engine.pillar import laid_over
from saltern.foundation.errors import SettingsError
from saltern.foundation.settings import read_options


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A query; ``%s`` in it is the agent's name, as a parameter.

    ``depth`` is how many columns are keys (0: all but the last). What is left is a value, or, of several
    columns, a mapping by their names. ``as_list`` collects values that meet in one place, ``with_lists`` are
    numbers of columns (from 1) below which values always are lists. ``ignore_null`` leaves nulls out.
    """

    query: str
    depth: int = 0
    as_list: bool = False
    with_lists: list[int] = []
    ignore_null: bool = False


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``queries`` as a list go to the top of the pillar, as a mapping below the names they have there."""

    url: str
    queries: list[str | Query] | dict[str, str | Query]


def make(options: Any, place: Place) -> Ask:
    """Return the source. Raises SettingsError."""
    own = read_options(options, Options)
    engine = _engine(own.url, place.timeout)
    named = own.queries.items() if isinstance(own.queries, dict) else (("", one) for one in own.queries)
    queries = [(name, one if isinstance(one, Query) else Query(query=one)) for name, one in named]

    def ask(asking: Asking, name: str, pillar: Mapping[str, Any]) -> Mapping[str, Any]:
        import sqlalchemy as sa

        found: dict[str, Any] = {}
        try:
            with engine.connect() as connection:
                for key, query in queries:
                    rows = connection.execute(sa.text(_bound(query.query)), {"agent": name})
                    data = nested(list(rows.keys()), rows, query)
                    found = laid_over(found, {key: data} if key else data)
        except sa.exc.SQLAlchemyError as error:
            told = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise BadData(f"{engine.url.render_as_string(hide_password=True)}: {told}") from None
        return found

    return ask


def _engine(url: str, timeout: float) -> Any:
    import sqlalchemy as sa

    try:
        made = sa.make_url(url)
        arguments = {"timeout": timeout} if made.get_backend_name() == "sqlite" else {}
        return sa.create_engine(made, connect_args=arguments, pool_pre_ping=True)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise SettingsError(f"the url is of no database that is known here: {error}") from None


def _bound(query: str) -> str:
    """Return a query whose only parameter is the agent's name; a colon in it is a colon."""
    return ":agent".join(part.replace(":", "\\:") for part in query.split("%s"))


def nested(names: Sequence[str], rows: Iterable[Sequence[Any]], query: Query) -> dict[str, Any]:
    """Return rows as nested data, as Salt's SQL pillars make it."""
    depth = query.depth if 0 < query.depth < len(names) else max(len(names) - 1, 1)
    lists = {number - 1 for number in query.with_lists}
    found: dict[str, Any] = {}
    for row in rows:
        at = found
        for column in range(depth - 1):
            at = _step(at, row[column], column in lists)
        if len(names) == 1:
            _put(at, names[0], row[0], query, 0 in lists)
        elif depth == len(names) - 1:
            _put(at, row[depth - 1], row[depth], query, depth - 1 in lists)
        else:
            at = _step(at, row[depth - 1], depth - 1 in lists)
            for column in range(depth, len(names)):
                _put(at, names[column], row[column], query, column in lists)
    return found


def _step(at: dict[str, Any], key: Any, listed: bool) -> dict[str, Any]:
    """Return the mapping below a key, a new one at the end of the list where that is asked for."""
    if listed:
        below: dict[str, Any] = {}
        at.setdefault(key, []).append(below)
        return below
    inner: dict[str, Any] = at.setdefault(key, {})
    return inner


def _put(at: dict[str, Any], key: Any, value: Any, query: Query, listed: bool) -> None:
    if value is None and query.ignore_null:
        return
    if listed or (query.as_list and key in at):
        known = at.get(key, [])
        at[key] = [*(known if isinstance(known, list) else [known]), value]
    else:
        at[key] = value
