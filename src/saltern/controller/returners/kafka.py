"""Returns as messages of a Kafka topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from saltern.controller.returners.base import Common, Delivery, Kind, Secret, Thread, Undeliverable, needs
from saltern.foundation.errors import SettingsError, Unavailable

if TYPE_CHECKING:
    from confluent_kafka import Producer


class Kafka(Common, frozen=True, kw_only=True):
    """Settings of the kind ``kafka``."""

    servers: list[str]  # host:port of some brokers
    topic: str = "saltern-returns"
    options: dict[str, Secret] = msgspec.field(default_factory=dict)  # of librdkafka: sasl.username …


class KafkaReturner:
    """Produces a batch, keyed by agent, and waits until all replicas have it. Each has a header ``id``."""

    def __init__(self, settings: Kafka) -> None:
        try:
            from confluent_kafka import KafkaException, Producer
        except ModuleNotFoundError as error:
            raise needs("confluent-kafka", "kafka") from error
        self.address = f"{','.join(settings.servers)}/{settings.topic}"
        self._settings = settings
        self._thread = Thread("kafka")
        milliseconds = max(1000, int(settings.timeout * 1000))
        options: dict[str, Any] = {
            "bootstrap.servers": ",".join(settings.servers),
            "enable.idempotence": True,
            "message.max.bytes": 16 * 1024 * 1024,
            "message.timeout.ms": milliseconds,
            "log_level": 3,
        }
        options |= {name: value.reveal() for name, value in settings.options.items()}
        try:
            self._producer: Producer = Producer(options)
        except (KafkaException, ValueError) as error:
            raise SettingsError(f"librdkafka does not take `options`: {error}") from error

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Produce them."""
        await self._thread.run(self._produce, batch)

    def _produce(self, batch: Sequence[Delivery]) -> None:
        from confluent_kafka import KafkaError, KafkaException

        failed: dict[str, KafkaError] = {}
        delivered: set[str] = set()

        def told(id: str) -> Callable[[KafkaError | None, object], None]:
            def on_delivery(error: KafkaError | None, _: object) -> None:
                if error is None:
                    delivered.add(id)
                else:
                    failed[id] = error

            return on_delivery

        for one in batch:
            try:
                self._producer.produce(
                    self._settings.topic,
                    one.json(),
                    key=one.agent.encode(),
                    headers={"id": one.id.encode()},
                    on_delivery=told(one.id),
                )
            except KafkaException as error:
                failed[one.id] = error.args[0]
            except BufferError:
                break  # the rest is neither delivered nor refused, and comes again
        self._producer.flush(self._settings.timeout)
        _judge(batch, delivered, failed)

    async def close(self) -> None:
        """Give up what is under way: it is still owed."""
        self._thread.end()
        self._producer.purge()
        await asyncio.to_thread(self._producer.flush, 1.0)


def _judge(batch: Sequence[Delivery], delivered: set[str], failed: dict[str, Any]) -> None:
    from confluent_kafka import KafkaError

    too_much = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_MSG_SIZE}
    refused = {id: str(error.str()) for id, error in failed.items() if error.code() in too_much}
    later = {one.id for one in batch} - delivered - refused.keys()
    reason = next((error.str() for id, error in failed.items() if id in later), "no answer from the brokers")
    if len(later) == len(batch):
        raise Unavailable(reason)
    if refused or later:
        raise Undeliverable(reason, refused=refused, later=later)


KIND = Kind(Kafka, KafkaReturner)
