"""The live index of all agents: what a target is resolved against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Member(NamedTuple):
    """One agent: ``key`` is its public key (opaque here), ``name`` the label on it."""

    key: str
    name: str


class Index:
    """Every agent's name, grains, presence and pillar. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._grains: dict[str, Mapping[str, Any]] = {}
        self._presence: dict[str, tuple[bool, float]] = {}
        self._pillars: dict[str, tuple[Mapping[str, Any], float]] = {}

    def put(self, key: str, name: str, grains: Mapping[str, Any]) -> None:
        """Take in an agent, or what has become of its name and grains."""
        self._names[key] = name
        self._grains[key] = grains

    def remove(self, key: str) -> None:
        """Forget an agent; one that is not here is no error."""
        for table in (self._names, self._grains, self._presence, self._pillars):
            table.pop(key, None)

    def set_presence(self, key: str, online: bool, since: float) -> None:
        """Say that an agent is connected or not, since when (seconds since the epoch)."""
        self._presence[key] = (online, since)

    def set_pillar(self, key: str, pillar: Mapping[str, Any] | None, rendered_at: float) -> None:
        """Give an agent's pillar as rendered at a moment (seconds since the epoch); None forgets it."""
        if pillar is None:
            self._pillars.pop(key, None)
        else:
            self._pillars[key] = (pillar, rendered_at)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def __iter__(self) -> Iterator[Member]:
        """Go through the members by name."""
        return (Member(key, name) for key, name in sorted(self._names.items(), key=lambda item: item[1]))
