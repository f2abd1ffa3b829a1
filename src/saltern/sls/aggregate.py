"""Which chunks may run as one: those of one module that do not wait for each other, however indirectly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

#: The most chunks in one group.
_LARGEST = 500


def aggregates(eligible: Mapping[int, str], before: Sequence[Collection[int]]) -> tuple[tuple[int, ...], ...]:
    """Return groups of two and more chunks, each in order.

    ``eligible`` maps chunks (places in the order of the run) to their modules; ``before[c]`` are the
    chunks that ``c`` waits for.
    """
    grouping = _Grouping(before)
    for chunk, module in eligible.items():
        grouping.place(chunk, module)
    return tuple(tuple(group) for group in grouping.groups if len(group) > 1)


class _Grouping:
    def __init__(self, before: Sequence[Collection[int]]) -> None:
        self._before = before
        self.groups: list[list[int]] = []
        self._modules: list[str] = []
        self._group_of: dict[int, int] = {}

    def place(self, chunk: int, module: str) -> None:
        """Put a chunk into the first group of its module that it does not wait for, else into a new one."""
        awaited = self._awaited(chunk)
        for number, group in enumerate(self.groups):
            if self._modules[number] == module and len(group) < _LARGEST and awaited.isdisjoint(group):
                group.append(chunk)
                self._group_of[chunk] = number
                return
        self._group_of[chunk] = len(self.groups)
        self.groups.append([chunk])
        self._modules.append(module)

    def _awaited(self, chunk: int) -> set[int]:
        """Return all that a chunk waits for; who waits for one of a group waits for the whole group."""
        found: set[int] = set()
        queue = list(self._before[chunk])
        while queue:
            one = queue.pop()
            if one not in found:
                found.add(one)
                queue += self._before[one]
                number = self._group_of.get(one)
                queue += self.groups[number] if number is not None else ()
        return found
