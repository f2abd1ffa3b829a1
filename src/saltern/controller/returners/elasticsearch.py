"""Returns as documents of Elasticsearch, OpenSearch, or whatever else understands ``_bulk``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from saltern.controller.returners.base import Delivery, Kind, Undeliverable
from saltern.controller.returners.http import Session, Web, refuse
from saltern.foundation.errors import Unavailable


class Elasticsearch(Web, frozen=True, kw_only=True):
    """Settings of the kind ``elasticsearch``."""

    index: str = "saltern-returns-%Y.%m.%d"  # strftime, of the time the job was made (UTC)
    data: Literal["text", "object"] = "text"  # object: searchable by field, but mappings may conflict


class _Bulk(msgspec.Struct):
    """The answer to ``_bulk``: an item for each document, in their order."""

    items: list[dict[str, _Item]]
    errors: bool = False


class _Item(msgspec.Struct):
    status: int
    error: Any = None


class ElasticsearchReturner:
    """Sends a batch as one ``_bulk`` request. Documents have the return's id, so none is there twice."""

    def __init__(self, settings: Elasticsearch) -> None:
        self._settings = settings
        self._session = Session(settings)

    @property
    def address(self) -> str:
        """Return the server and the index."""
        return f"{self._session.address.rstrip('/')}/{self._settings.index}"

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Index them."""
        body = b"".join(line + b"\n" for one in batch for line in self._lines(one))
        url = f"{self._settings.url.rstrip('/')}/_bulk"
        status, answer = await self._session.post(url, body, {"Content-Type": "application/x-ndjson"})
        if status != 200:
            refuse(status, answer)
        try:
            bulk = msgspec.json.decode(answer, type=_Bulk)
        except msgspec.DecodeError as error:
            raise Unavailable(f"the answer is not that of _bulk: {error}", hint="see `url`") from error
        _judge(batch, bulk)

    def _lines(self, one: Delivery) -> tuple[bytes, bytes]:
        index = time.strftime(self._settings.index, time.gmtime(one.created))
        document = msgspec.to_builtins(msgspec.structs.replace(one, data=msgspec.UNSET)) | {
            "@timestamp": _stamp(one)
        }
        document["args"] = msgspec.json.encode(one.args).decode()  # of any type: a mapping would conflict
        document["kwargs"] = msgspec.json.encode(one.kwargs).decode()
        document["data"] = one.raw if self._settings.data == "text" else msgspec.Raw(one.raw.encode())
        head = {"index": {"_index": index, "_id": one.id}}
        return msgspec.json.encode(head), msgspec.json.encode(document)

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()


def _stamp(one: Delivery) -> str:
    moment = one.finished if one.finished is not None else one.created
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"


def _judge(batch: Sequence[Delivery], bulk: _Bulk) -> None:
    """Raise Undeliverable when some documents were not taken: 429 and 5xx pass, the others do not."""
    if len(bulk.items) != len(batch):
        raise Unavailable(f"the server answered for {len(bulk.items)} of {len(batch)} documents")
    refused: dict[str, str] = {}
    later: set[str] = set()
    for one, action in zip(batch, bulk.items, strict=True):
        item = next(iter(action.values()))
        if item.status == 429 or item.status >= 500:
            later.add(one.id)
        elif item.status >= 300:
            refused[one.id] = f"{item.status}: {_reason(item.error)}"
    if refused or later:
        busy = f"the server is too busy for {len(later)} of {len(batch)} documents"
        raise Undeliverable(busy if later else "refused", refused=refused, later=later)


def _reason(error: Any) -> str:
    return str(error.get("reason", error) if isinstance(error, dict) else error)


KIND = Kind(Elasticsearch, ElasticsearchReturner)
