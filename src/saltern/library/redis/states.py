"""Redis' states: a key, none of some keys, a master to copy."""

from __future__ import annotations

from typing import Any

from saltern.library._redis import Access, ask
from saltern.library.redis import current_master, exists, get_key, key_type
from saltern.sdk import BadArgument, Changes, Host, Moment, State


class _Reaching(State, frozen=True, kw_only=True):
    """How the server is reached; what is not given is as the settings say."""

    host: str | None = None
    port: int | str | None = None
    db: int | str | None = None
    password: str | None = None

    @property
    def _access(self) -> Access:
        return Access(host=self.host, port=self.port, db=self.db, password=self.password)


class String(_Reaching, frozen=True, kw_only=True):
    """Keep a key at a text; ``expire`` (seconds) or ``expireat`` (a moment) are set when it changes.

    Example:
        - redis.string: {name: app:version, value: '1.2'}
    """

    value: str
    expire: int | None = None
    expireat: int | None = None

    def check(self, host: Host) -> Changes:
        """Return that the key has another text, or holds something else."""
        kind = key_type(host, self.name, **_given(self))
        if kind == "string" and get_key(host, self.name, **_given(self)) == self.value:
            return Changes()
        return Changes({self.name: "Value updated" if kind != "none" else "Value set"})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it. Raises CommandFailed."""
        words = ("SET", self.name) if self.expire is None else ("SETEX", self.name, self.expire)
        ask(host, self._access, *words, value=self.value)
        if self.expire is None and self.expireat is not None:
            ask(host, self._access, "EXPIREAT", self.name, self.expireat)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Key already set to defined value",
            Moment.WOULD: "Key would be set",
            Moment.DONE: "Key set",
        }[moment]


class Absent(_Reaching, frozen=True, kw_only=True):
    """See that there is no such key, or none of several.

    Example:
        - redis.absent: {name: old, keys: [app:cache, app:old]}
    """

    keys: list[str] | None = None

    def check(self, host: Host) -> Changes:
        """Return the keys that are there."""
        names = [self.name] if self.keys is None else self.keys
        there = [one for one in names if exists(host, one, **_given(self))]
        return Changes({"deleted": there} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them."""
        ask(host, self._access, "DEL", *changes["deleted"])

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Key(s) specified already absent",
            Moment.WOULD: "Key(s) would be deleted",
            Moment.DONE: "Key(s) deleted",
        }[moment]


class Slaveof(State, frozen=True, kw_only=True):
    """See that the server copies another one: that of ``master_host``, or the one a sentinel names.

    A sentinel is asked for the master called ``name``; a host that is itself that master copies nobody, and
    so does one with an empty ``master_host``.

    Example:
        - redis.slaveof: {name: replica, master_host: 192.0.2.1}
    """

    master_host: str = ""
    master_port: int = 6379
    sentinel_host: str | None = None
    sentinel_port: int | str | None = None
    sentinel_password: str | None = None
    host: str | None = None
    port: int | str | None = None
    password: str | None = None

    def check(self, host: Host) -> Changes:
        """Return the master it has and the one it shall have."""
        now = current_master(self._access, host)
        wanted = self._wanted(host)
        if wanted[0] in _own(host):
            wanted = ("", 0)
        return Changes({"old": list(now), "new": list(wanted)} if now != wanted else {}, mend=wanted)

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it. Raises CommandFailed."""
        address, port = changes.mend
        ask(host, self._access, "SLAVEOF", *((address, port) if address else ("NO", "ONE")))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return what is copied."""
        address, port = changes.get("new", ("", 0))
        master = f"{address}:{port}" if address else "nobody"
        return {
            Moment.CORRECT: f"Minion already in correct position: {self.name}",
            Moment.WOULD: f"Minion would be a replica of {master}",
            Moment.DONE: f"Minion is now a replica of {master}",
        }[moment]

    @property
    def _access(self) -> Access:
        return Access(host=self.host, port=self.port, password=self.password)

    def _wanted(self, host: Host) -> tuple[str, int]:
        if self.sentinel_host is None:
            return (self.master_host, self.master_port) if self.master_host else ("", 0)
        sentinel = Access(
            host=self.sentinel_host, port=self.sentinel_port or 26379, password=self.sentinel_password, db=0
        )
        found = ask(host, sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        if found is None:
            raise BadArgument(f"the sentinel knows no master called {self.name!r}")
        return (found[0], int(found[1]))


def _own(host: Host) -> set[str]:
    """Return the host's own addresses."""
    return {address.address for one in host.interfaces() for address in one.addresses}


def _given(state: _Reaching) -> dict[str, Any]:
    return {"host": state.host, "port": state.port, "db": state.db, "password": state.password}
