"""One agent's data against one fact term: the meaning that the index must reproduce.

``key:key:pattern`` descends through mappings and compares what it finds there, as text without case.
Of a list, one member that fits is enough. A key or a value may itself hold the delimiter: every cut of
the path into keys and pattern is tried. ``key:*`` asks whether the key is there at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltern.targeting import patterns
from saltern.targeting.errors import TargetError
from saltern.targeting.expression import Matching, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from saltern.targeting.expression import Fact
    from saltern.targeting.patterns import Pattern

#: The most parts a path may have, and the most levels of data that are looked at.
DEEPEST = 32


class Question:
    """A fact term made ready: the parts of its path, and the pattern that the rest after each part is."""

    def __init__(self, fact: Fact) -> None:
        self.parts: Sequence[str] = fact.path.split(fact.delimiter)
        self.end = len(self.parts)
        self._fact = fact
        self._patterns: dict[int, Pattern] = {}

    def pattern(self, start: int) -> Pattern:
        """Return the pattern that the parts from ``start`` on form together."""
        found = self._patterns.get(start)
        if found is None:
            text = self._fact.delimiter.join(self.parts[start:])
            found = self._patterns[start] = self._compiled(text)
        return found

    def _compiled(self, text: str) -> Pattern:
        """Return the pattern, or one that nothing passes where a cut leaves no regular expression."""
        try:
            return compiled(self._fact.matching, text)
        except TargetError:
            return patterns.never(text)

    def check(self) -> None:
        """Raise TargetError when the path has no key or no pattern that anything could pass."""
        if self.end < 2:
            raise TargetError("a key and a pattern are needed", self._fact.path, hint=_hint(self._fact))
        if self.end > DEEPEST:
            raise TargetError(f"more than {DEEPEST} parts", self._fact.path)
        rests = [self._fact.delimiter.join(self.parts[start:]) for start in range(self.end - 1, 0, -1)]
        faults = [fault for rest in rests if (fault := _fault(self._fact.matching, rest))]
        if len(faults) == len(rests):
            raise faults[-1]

    def fits_key(self, key: Any, start: int) -> bool:
        """Tell whether a mapping's key fits the rest of the path, as a pattern or letter by letter."""
        pattern, text = self.pattern(start), text_of(key)
        return text == pattern.text.lower() or bool(pattern.test(text))

    def any_key(self, start: int) -> bool:
        """Tell whether what is left at ``start`` is a lone ``*``: the key's being there is enough."""
        return start == self.end - 1 and self.parts[start] == "*"

    def wild(self, start: int) -> bool:
        """Tell whether the part at ``start`` is a ``*`` that stands for any key."""
        return start < self.end - 1 and self.parts[start] == "*"


def compiled(matching: Matching, text: str) -> Pattern:
    """Return the test of lower-case strings that ``text`` is."""
    if matching is Matching.REGEX:
        return patterns.regex(text, ignore_case=True)
    return patterns.glob(text.lower()) if matching is Matching.GLOB else patterns.plain(text.lower())


def _fault(matching: Matching, text: str) -> TargetError | None:
    try:
        compiled(matching, text)
    except TargetError as fault:
        return fault
    return None


def _hint(fact: Fact) -> str:
    example = "os:Debian" if fact.source is Source.GRAINS else "role:web"
    return f"write {fact.source.value} as in {example.replace(':', fact.delimiter)!r}"


def text_of(value: Any) -> str:
    """Return a value as it is compared: Python's notation, in lower case."""
    return (value if isinstance(value, str) else str(value)).lower()


def holds(fact: Fact, data: Mapping[str, Any]) -> bool:
    """Tell whether ``data`` (an agent's grains or pillar) fits ``fact``."""
    return _Matcher(Question(fact)).below(data, 0)


class _Matcher:
    """Each (value, place in the path) is looked at once, so that no path takes exponential time."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._seen: set[tuple[int, int, str]] = set()

    def _again(self, value: Any, start: int, step: str) -> bool:
        """Tell whether this was looked at before; it then fits not, or the search had ended."""
        mark = (id(value), start, step)
        if mark in self._seen:
            return True
        self._seen.add(mark)
        return False

    def below(self, data: Mapping[Any, Any], start: int) -> bool:
        """Tell whether any cut of the path from ``start`` into keys and pattern fits ``data``."""
        if self._again(data, start, "below"):
            return False
        for cut in range(self.question.end - 1, start, -1):
            if cut == start + 1 and self.question.parts[start] == "*":
                if data and self.mapping(data, start):
                    return True
            elif any(self.value(found, cut) for found in self._reached(data, start, cut)):
                return True
        return False

    def _reached(self, value: Any, start: int, cut: int) -> Iterator[Any]:
        """Give the values that the keys ``start`` to ``cut`` lead to."""
        if start == cut:
            yield value
            return
        for step in _steps(value, self.question.parts[start]):
            yield from self._reached(step, start + 1, cut)

    def value(self, value: Any, start: int) -> bool:
        """Tell whether what was found fits the rest of the path."""
        if isinstance(value, dict):
            return bool(value) and self.mapping(value, start)
        if isinstance(value, list | tuple):
            return any(
                (isinstance(member, dict) and self.mapping(member, start)) or self.text(member, start)
                for member in value
            )
        return self.text(value, start)

    def text(self, value: Any, start: int) -> bool:
        """Tell whether a value, as text, fits the rest of the path."""
        return bool(self.question.pattern(start).test(text_of(value)))

    def mapping(self, data: Mapping[Any, Any], start: int) -> bool:
        """Tell whether a key of ``data``, or something below it, fits the rest of the path."""
        if self._again(data, start, "mapping"):
            return False
        wild = self.question.wild(start)
        start += wild
        if self.question.any_key(start):
            return True
        if any(self.question.fits_key(key, start) for key in data):
            return True
        return self.below(data, start) or (wild and any(self._beneath(v, start) for v in data.values()))

    def _beneath(self, value: Any, start: int) -> bool:
        """Tell whether a value under a ``*`` fits."""
        if isinstance(value, dict):
            return self.mapping(value, start)
        members = value if isinstance(value, list | tuple) else (value,)
        return any(self.text(member, start) for member in members)


def _steps(value: Any, key: str) -> Iterator[Any]:
    """Give what ``key`` leads to: of a mapping its value; of a list the member at that place, and the
    values of that key in the mappings in it."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        else:
            yield from (
                below for other, below in value.items() if not isinstance(other, str) and str(other) == key
            )
    elif isinstance(value, list | tuple):
        for member in value:
            if isinstance(member, dict):
                yield from _steps(member, key)
        place = _place(key)
        if place is not None and -len(value) <= place < len(value):
            yield value[place]


def _place(key: str) -> int | None:
    """Return the place in a list that ``key`` means, None if it means none."""
    digits = key[1:] if key.startswith("-") else key
    return int(key) if digits.isascii() and digits.isdigit() and len(digits) < 7 else None
