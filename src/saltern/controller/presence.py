"""Who is connected: what the broker reports, and which of an agent's processes we talk to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from saltern.model.ids import AgentKey


class LinkId(NamedTuple):
    """A connection, as the broker numbers it."""

    server: str
    number: int


class Link(NamedTuple):
    """An agent's connection. ``instance`` tells one of its processes from the next; ``at`` is its start."""

    id: LinkId
    key: AgentKey
    instance: str
    address: str
    at: float


class Change(NamedTuple):
    """An agent came or went, or another of its processes took over."""

    key: AgentKey
    online: bool
    at: float
    instance: str
    address: str


class Presence:
    """Present is an agent with a connection of the process we welcomed.

    Methods that hear news return what changed by it.
    """

    def __init__(self, welcomed: dict[AgentKey, str]) -> None:
        """``welcomed`` is what an earlier controller knew: key to instance."""
        self._links: dict[LinkId, Link] = {}
        self._by_key: dict[AgentKey, dict[LinkId, Link]] = {}
        self._welcomed = dict(welcomed)
        self._listing = False  # the broker is listing all connections, and may report more meanwhile
        self._begun: dict[LinkId, Link] = {}  # since it was asked
        self._ended: set[LinkId] = set()

    def online(self, key: AgentKey) -> bool:
        """Tell whether jobs can be sent to this agent."""
        return self._current(key) is not None

    def __len__(self) -> int:
        return sum(self.online(key) for key in self._by_key)

    def links(self, key: AgentKey) -> list[Link]:
        """Return all its connections."""
        return list(self._by_key.get(key, {}).values())

    def strangers(self) -> list[AgentKey]:
        """Return whose connections are all of processes that we did not welcome, as far as we know."""
        return [key for key in self._by_key if not self.online(key)]

    def others(self, key: AgentKey, instance: str) -> list[Link]:
        """Return connections of the welcomed process, when that is not ``instance``: two with one key."""
        welcomed = self._welcomed.get(key)
        if welcomed == instance:
            return []
        return [link for link in self.links(key) if link.instance == welcomed]

    def connected(self, link: Link) -> list[Change]:
        """The broker reports a new connection."""
        before = self._current(link.key)
        self._links[link.id] = link
        self._by_key.setdefault(link.key, {})[link.id] = link
        if self._listing:
            self._begun[link.id] = link
        return self._changes(link.key, before, link.at)

    def disconnected(self, id: LinkId, at: float) -> list[Change]:
        """The broker reports the end of a connection."""
        link = self._links.pop(id, None)
        if self._listing:
            self._ended.add(id)
        if link is None:
            return []
        before = self._current(link.key)
        rest = self._by_key[link.key]
        del rest[id]
        if not rest:
            del self._by_key[link.key]
        return self._changes(link.key, before, at)

    def welcome(self, key: AgentKey, instance: str, at: float) -> list[Change]:
        """From now on this process is the agent."""
        before = self._current(key)
        self._welcomed[key] = instance
        return self._changes(key, before, at)

    def forget(self, key: AgentKey, at: float) -> list[Change]:
        """The agent was deleted or revoked: whatever connection it still has counts for nothing."""
        before = self._current(key)
        self._welcomed.pop(key, None)
        return self._changes(key, before, at)

    def ask(self) -> None:
        """The broker is asked for all connections. What it reports from now on is newer than its answer."""
        self._listing, self._begun, self._ended = True, {}, set()

    def replace(self, links: Iterable[Link], at: float) -> list[Change]:
        """The broker's answer: these, and what it reported since it was asked."""
        listed = {link.id: link for link in links} | self._begun
        present = [link for id, link in listed.items() if id not in self._ended]
        return self._set(present, at)

    def lose(self, at: float) -> list[Change]:
        """The broker is gone, and with it whoever was connected."""
        return self._set([], at)

    def _set(self, links: Iterable[Link], at: float) -> list[Change]:
        self._listing, self._begun, self._ended = False, {}, set()
        before = {key for key in self._by_key if self.online(key)}
        gone = {key: link for key in before if (link := self._current(key))}
        self._links = {link.id: link for link in links}
        self._by_key = {}
        for link in self._links.values():
            self._by_key.setdefault(link.key, {})[link.id] = link
        changes = [
            Change(key, False, at, gone[key].instance, gone[key].address)
            for key in sorted(before)
            if not self.online(key)
        ]
        for key in self._by_key:
            current = self._current(key)
            if current and key not in before:
                changes.append(Change(key, True, current.at, current.instance, current.address))
        return changes

    def _current(self, key: AgentKey) -> Link | None:
        welcomed = self._welcomed.get(key)
        for link in self._by_key.get(key, {}).values():
            if link.instance == welcomed:
                return link
        return None

    def _changes(self, key: AgentKey, before: Link | None, at: float) -> list[Change]:
        """Return the change, if any, from ``before`` to the present connection of the welcomed process."""
        after = self._current(key)
        link = after or before
        if link is None or (before and after and before.instance == after.instance):
            return []
        return [Change(key, after is not None, at, link.instance, link.address)]
