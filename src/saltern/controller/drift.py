"""Drift: what the latest look at each agent says, and looks that begin by themselves."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec

from saltern.controller.happenings import Happenings
from saltern.controller.jobs import Jobs
from saltern.controller.settings import Drift as DriftSettings
from saltern.controller.store import Store
from saltern.foundation import settings as reading
from saltern.foundation.clock import Clock
from saltern.foundation.errors import SalternError
from saltern.identity.authorise import Action, Decision, Principal, Role, Targets, authorise
from saltern.model.drift import Drift, DriftState
from saltern.model.ids import AgentKey
from saltern.model.job import Job
from saltern.model.request import RunRequest
from saltern.model.status import Status
from saltern.model.update import Settled

log = logging.getLogger("saltern.drift")

#: The function that looks.
FUNCTION = "state.drift"
#: In whose name looks begin by themselves.
SCHEDULE = Principal(name="controller", role=Role.ADMIN, via="drift.interval")
#: Seconds between writings, and between two thoughts whether it is time for a round.
_FLUSH, _THINK = 1.0, 5.0
_LEASE = 60.0
#: Jobs that a round is spread over.
_PARTS = 20
_LAST = "drift.last"


class Look(msgspec.Struct, frozen=True):
    """What ``state.drift`` returns."""

    differs: tuple[tuple[str, str, str], ...] = ()
    failures: tuple[str, ...] = ()


class Drifts:
    """Knows of each agent whether it is as declared. ``me`` is this controller's own name."""

    def __init__(
        self,
        *,
        store: Store,
        jobs: Jobs,
        settings: DriftSettings,
        happenings: Happenings,
        clock: Clock,
        me: str,
        resolve: Callable[[str, str], Targets],
        on_record: Callable[[Decision], Awaitable[None]],
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._interval = reading.duration(settings.interval) if settings.interval else 0.0
        self._splay = reading.duration(settings.splay)
        self._target = settings.target
        self._happenings = happenings
        self._clock = clock
        self._me = me
        self._resolve = resolve
        self._on_record = on_record
        self._looks: dict[AgentKey, Drift] = {}
        self._writing = asyncio.Lock()

    # --- what looks have found ---------------------------------------------------------------------------

    def settled(self, job: Job, settled: Settled) -> None:
        """Take in how a look has ended on an agent; other jobs are passed over."""
        if job.fun == FUNCTION and not job.args and not job.kwargs:
            self._looks[settled.key] = look_of(settled, self._clock.now())

    async def of(self, keys: Collection[AgentKey] | None = None) -> list[Drift]:
        """Return what is known of ``keys``, or of all, by name."""
        await self._flush()
        return await self._store.drift.of(keys)

    async def _flush(self) -> None:
        async with self._writing:
            looks, self._looks = self._looks, {}
            if not looks:
                return
            try:
                recorded = await self._store.drift.record(list(looks.values()))
            except SalternError:
                self._looks = looks | self._looks
                raise
        self._tell(recorded)

    def _tell(self, recorded: Sequence[Drift]) -> None:
        for one in recorded:
            if one.since == one.checked and not one.missed:
                data = {"name": one.name, "jid": one.jid, "differs": [key for key, _, _ in one.differs][:20]}
                self._happenings.emit(f"drift/{one.state}", data, one.key)

    # --- looks that begin by themselves ------------------------------------------------------------------

    async def run(self) -> None:
        """Write what was found, and look when it is time, until cancelled."""
        thought = self._clock.steady()
        while True:
            await asyncio.sleep(_FLUSH)
            try:
                await self._flush()
                if self._interval and self._clock.steady() - thought >= min(_THINK, self._interval):
                    thought = self._clock.steady()
                    await self._think()
            except SalternError as error:
                log.error("drift is not looked after: %s", error)

    async def _think(self) -> None:
        """Begin a round when the last one, of whatever controller, is long enough ago."""
        now = self._clock.now()
        if now - float(await self._store.meta.get(_LAST) or 0.0) < self._interval:
            return
        until = now + max(_LEASE, self._splay)
        if await self._store.rollouts.lease("drift", self._me, now, until):
            await self._store.meta.set(_LAST, str(now))
            await self._round()

    async def _round(self) -> None:
        """Look at everybody, a part after the other, so that not all are busy with it at once."""
        everybody = list(self._resolve(self._target, "compound").members.items())
        random.shuffle(everybody)
        parts = [everybody[start::_PARTS] for start in range(min(_PARTS, len(everybody)))]
        for number, part in enumerate(parts):
            if number:
                await asyncio.sleep(self._splay / len(parts))
            await self._look(Targets(dict(part), self._target, "compound"))

    async def _look(self, targets: Targets) -> None:
        decision = authorise(SCHEDULE, Action.JOB_RUN, targets, {"fun": FUNCTION})
        await self._on_record(decision)
        await self._jobs.run(decision, RunRequest(fun=FUNCTION))


def look_of(settled: Settled, now: float) -> Drift:
    """Return what a look's end says of the agent."""
    one = Drift(
        key=settled.key, name=settled.name, state=DriftState.ERROR, since=now, checked=now, jid=settled.jid
    )
    if settled.status not in (Status.OK, Status.FAILED):
        return msgspec.structs.replace(one, missed=settled.reason or str(settled.status))
    if settled.error or isinstance(settled.data, msgspec.UnsetType):
        said = str((settled.error or {}).get("message") or settled.reason or "it returned nothing")
        return msgspec.structs.replace(one, error=said[:2000])
    try:
        look = msgspec.json.decode(settled.data, type=Look)
    except msgspec.DecodeError as error:
        return msgspec.structs.replace(one, error=f"its answer makes no sense: {error}"[:2000])
    if look.failures:
        return msgspec.structs.replace(one, differs=look.differs, error="; ".join(look.failures)[:2000])
    state = DriftState.DRIFTED if look.differs else DriftState.CLEAN
    return msgspec.structs.replace(one, state=state, differs=look.differs)
