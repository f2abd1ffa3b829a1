"""What differs between the present state of a thing and the wanted one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_ABSENT = object()


class Changes(Mapping[str, Any]):
    """The differences by name, in the shape that people see; true when there is anything to do.

    ``unknown`` says why what will happen can't be known in advance; empty when it is known. ``mend`` is
    what ``check`` worked out and ``apply`` needs, never shown. ``comment`` is said of it by a dry run, whose
    verdict it also gives: None (would change), or False when it can be foreseen that it will fail.
    """

    __slots__ = ("_entries", "comment", "mend", "unknown", "verdict", "warnings")

    def __init__(
        self,
        entries: Mapping[str, Any] | None = None,
        *,
        unknown: str = "",
        mend: Any = None,
        comment: str = "",
        verdict: bool | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._entries: Mapping[str, Any] = {} if entries is None else entries
        self.unknown = unknown
        self.mend = mend
        self.comment = comment
        self.verdict = verdict
        self.warnings = warnings

    @classmethod
    def between(cls, now: Mapping[str, Any], want: Mapping[str, Any]) -> Changes:
        """Return ``{name: {old, new}}`` for each name of ``want`` whose value is not that of ``now``."""
        return cls(
            {
                name: {"old": now.get(name), "new": value}
                for name, value in want.items()
                if now.get(name, _ABSENT) != value
            }
        )

    def __getitem__(self, name: str) -> Any:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __bool__(self) -> bool:
        return bool(self._entries) or bool(self.unknown)

    def __repr__(self) -> str:
        return f"Changes({dict(self._entries)!r}, unknown={self.unknown!r})"


#: Nothing differs.
NOTHING = Changes()
