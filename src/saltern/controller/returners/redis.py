"""Returns in Redis, under the keys that Salt's returner uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from saltern.controller.returners.base import Common, Delivery, Kind, Secret, Undeliverable, needs
from saltern.foundation import settings as reading
from saltern.foundation.errors import SettingsError, Unavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis as Client
    from redis.asyncio.client import Pipeline

#: What Redis says when a key holds something else.
_WRONG_TYPE = "WRONGTYPE"


class Redis(Common, frozen=True, kw_only=True):
    """Settings of the kind ``redis``."""

    url: str  # redis://host:6379/0, rediss://… with TLS, or unix:///path
    username: str = ""
    password: Secret = Secret("")
    prefix: str = ""  # before every key
    lifetime: str = "24h"  # how long Redis keeps a job's returns
    publish: str = ""  # a channel that each return is published on, too


class RedisReturner:
    """Writes a batch in one transaction. ``ret:JID`` is a hash of agent to return, ``load:JID`` the job,
    ``AGENT:FUNCTION`` the last job's id, ``minions`` the set of agents."""

    def __init__(self, settings: Redis) -> None:
        try:
            from redis.asyncio import Redis as Client
        except ModuleNotFoundError as error:
            raise needs("redis", "redis") from error
        parts = urlsplit(settings.url)
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise SettingsError("`url` must be redis://host:port/number, rediss://… or unix:///path")
        if parts.password:
            raise SettingsError("`url` must not hold a password", hint="set `username` and `password`")
        self.address = settings.url
        self._settings = settings
        self._lifetime = int(reading.duration(settings.lifetime)) or None
        self._client: Client = Client.from_url(
            settings.url,
            username=settings.username or None,
            password=settings.password.reveal() or None,
            socket_connect_timeout=settings.timeout,
        )

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Write them."""
        from redis.exceptions import DataError, RedisError

        try:
            async with self._client.pipeline(transaction=True) as pipeline:
                for one in batch:
                    self._add(pipeline, one)
                await pipeline.execute()
        except RedisError as error:
            if isinstance(error, DataError) or _WRONG_TYPE in str(error):
                raise Undeliverable(str(error)) from error
            raise Unavailable(f"{self.address}: {error or type(error).__name__}") from error

    def _add(self, pipeline: Pipeline, one: Delivery) -> None:
        prefix, document = self._settings.prefix, one.json()
        returns, load = f"{prefix}ret:{one.jid}", f"{prefix}load:{one.jid}"
        pipeline.hset(returns, one.agent, document)
        pipeline.set(load, msgspec.json.encode(_load(one)), ex=self._lifetime)
        if self._lifetime:
            pipeline.expire(returns, self._lifetime)
        pipeline.set(f"{prefix}{one.agent}:{one.fun}", one.jid)
        pipeline.sadd(f"{prefix}minions", one.agent)
        if self._settings.publish:
            pipeline.publish(self._settings.publish, document)

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()


def _load(one: Delivery) -> dict[str, object]:
    return {
        "jid": one.jid,
        "fun": one.fun,
        "args": one.args,
        "kwargs": one.kwargs,
        "user": one.user,
        "target": one.target,
        "target_kind": one.target_kind,
        "created": one.created,
    }


KIND = Kind(Redis, RedisReturner)
