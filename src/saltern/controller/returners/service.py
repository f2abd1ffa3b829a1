"""All returners of this controller: who gets which job's returns, and how that goes."""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from saltern.controller.returners import build
from saltern.controller.returners.base import Common, Delivery, Undeliverable
from saltern.controller.returners.courier import Courier
from saltern.controller.store import Store
from saltern.controller.store.deliveries import Counts
from saltern.foundation.clock import Clock
from saltern.foundation.errors import NotFound, Unavailable, UsageError, nearest
from saltern.model.ids import AgentKey, new_job_id
from saltern.model.returner import Retried, ReturnerStatus, Tried, Undelivered
from saltern.model.status import Status


class Returners:
    """Makes the returners that the settings name. Raises SettingsError for one that is wrong."""

    def __init__(self, settings: Mapping[str, Mapping[str, Any]], store: Store, clock: Clock) -> None:
        self._store = store.deliveries
        self._clock = clock
        self._couriers = {
            name: Courier(name, *build(name, given), store, clock) for name, given in settings.items()
        }

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """Return what is to be run, a coroutine for each returner."""
        return [courier.run() for courier in self._couriers.values()]

    async def begin(self) -> None:
        """Take up what an earlier controller left."""
        await self._store.begin()

    async def close(self) -> None:
        """Let go of every connection; nothing must be running any more."""
        for courier in self._couriers.values():
            await courier.returner.close()

    def wake(self) -> None:
        """Returns have been recorded."""
        for courier in self._couriers.values():
            courier.wake()

    def chosen(self, fun: str, asked: Sequence[str]) -> tuple[str, ...]:
        """Return who gets the returns of a job. Raises UsageError for a returner that there is not."""
        for name in asked:
            self._courier(name, UsageError)
        return tuple(
            name
            for name, courier in self._couriers.items()
            if name in asked or (courier.settings.always and wants(courier.settings, fun))
        )

    async def status(self) -> list[ReturnerStatus]:
        """Return how every returner is, also those that only other controllers or earlier settings name."""
        counts = await self._store.counts()
        names = [*self._couriers, *sorted(counts.keys() - self._couriers.keys())]
        return [_status(name, self._couriers.get(name), counts.get(name, Counts())) for name in names]

    async def refused(self, name: str, *, limit: int) -> list[Undelivered]:
        """Return what ``name`` refused, oldest first. Raises NotFound."""
        await self._must_be(name)
        return await self._store.refused(name, limit=limit)

    async def retry(self, name: str) -> Retried:
        """Deliver again what ``name`` refused. Raises NotFound."""
        await self._must_be(name)
        count = await self._store.retry(name)
        if name in self._couriers:
            self._couriers[name].wake()
        return Retried(name=name, count=count)

    async def test(self, name: str, user: str) -> Tried:
        """Deliver a return that nobody made, and tell how that went. Raises NotFound."""
        courier = self._courier(name, NotFound)
        began = self._clock.steady()
        error = hint = ""
        try:
            await courier.test(_probe(self._clock.now(), user))
        except (Unavailable, Undeliverable) as failure:
            error, hint = failure.message, failure.hint
            error = next(iter(getattr(failure, "refused", {}).values()), error)
        return Tried(name=name, seconds=self._clock.steady() - began, error=error, hint=hint)

    def _courier(self, name: str, kind: type[UsageError | NotFound]) -> Courier:
        if name not in self._couriers:
            raise _unknown(name, self._couriers, kind)
        return self._couriers[name]

    async def _must_be(self, name: str) -> None:
        if name not in self._couriers and name not in await self._store.counts():
            raise _unknown(name, self._couriers, NotFound)


def _unknown(name: str, known: Collection[str], kind: type[UsageError | NotFound]) -> UsageError | NotFound:
    settings = "controller.yaml names none" if not known else f"there are: {', '.join(known)}"
    return kind(f"there is no returner {name!r}", hint=nearest(name, known) or settings)


def wants(settings: Common, fun: str) -> bool:
    """Tell whether a returner with these settings gets the returns of ``fun``."""
    yes = [glob for glob in settings.functions if not glob.startswith("!")] or ["*"]
    no = [glob[1:] for glob in settings.functions if glob.startswith("!")]
    return any(fnmatchcase(fun, glob) for glob in yes) and not any(fnmatchcase(fun, glob) for glob in no)


def _status(name: str, courier: Courier | None, counts: Counts) -> ReturnerStatus:
    about: dict[str, Any] = {"kind": ""}
    if courier is not None:
        settings = courier.settings
        about = {"kind": settings.kind, "functions": settings.functions, "always": settings.always}
        about["address"] = courier.returner.address
    return ReturnerStatus(name=name, **about, **msgspec.structs.asdict(counts))


def _probe(now: float, user: str) -> Delivery:
    """Return a return that says what it is; its id is always new."""
    jid = new_job_id(now)
    return Delivery(
        id=f"{jid}.test",
        jid=jid,
        key=AgentKey("test"),
        agent="saltern-returner-test",
        fun="test.ping",
        user=user,
        status=Status.OK,
        retcode=0,
        created=now,
        started=now,
        finished=now,
        size=4,
        data=msgspec.Raw(b"true"),
    )
