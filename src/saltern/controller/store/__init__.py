"""What the controller remembers: agents, tokens, jobs, returns, and the audit log.

SQLite by default, PostgreSQL by address. Synchronous inside, on threads of its own; every method is to be
awaited and never holds up the event loop. What a method that writes has returned from is on disk, whole:
kill -9 and a power cut leave all of it or nothing.

    store = await Store.open("sqlite:////var/lib/saltern/controller/store.db", anchor=Path(…))

    agents     add(agent, token=None)  get(key)  by_name(name)  list(*states)  count(state)
               set_state(key, state, at=)  delete(key)  touch([Presence…])  all_offline(at=)  revoked()
    mine       put(key, {name: MineEntry}, only=, at=, room=) -> lacking  get(keys, names, after=, limit=)
               list(keys) -> [Place…]  drop(keys, names) -> int
    tokens     create(Token)  get(id)  list()  spend(id, now)  revoke(id, now)  forget(before=)
    jobs       create(job, targets)  get(jid)  list(JobFilter)  cancelled(jid, by)  tallies(jids)
               count_unsettled()
    targets    record([Update…]) -> Recorded  of_job(jid, statuses=None)  get(jid, key)
               unsettled(key=None)  queued(key, now) -> [Queued…]  expire_queued(now)
    returns    record([Answer…]) -> Recorded  put_chunk(jid, key, n, data)  get(jid, key)
               stream(jid, names=None) -> Returned…  data(jid, key) -> bytes…
    deliveries claim(returner, …) -> Claimed  done(…)  later(…)  refuse(…)  retry(returner)  trim(…)
               counts() -> {name: Counts}  refused(returner, limit=)
    retention  prune(before=, keep_bytes=, spare_since=) -> Pruned  weight()
    audit      append(Act…)  entries(after=, limit=)  verify() -> AuditReport  accept_loss(principal=, at=)
    meta       get(name)  set(name, value)  set_once(name, value)  delete(name)

Errors: Unavailable when the database does not answer or is locked, its kind DiskFull when there is no room
(it goes on by itself once there is), Conflict, NotFound and NotAllowed as each method says.
"""

from saltern.controller.store.audit import Act
from saltern.controller.store.failures import DiskFull
from saltern.controller.store.mine import Place, Room
from saltern.controller.store.store import Store
from saltern.controller.store.values import (
    Answer,
    JobFilter,
    Presence,
    Pruned,
    Queued,
    Recorded,
    Returned,
    Update,
)

__all__ = [
    "Act",
    "Answer",
    "DiskFull",
    "JobFilter",
    "Place",
    "Presence",
    "Pruned",
    "Queued",
    "Recorded",
    "Returned",
    "Room",
    "Store",
    "Update",
]
