"""Globs, regular expressions and plain text as one thing: a test of many strings, at a bounded cost.

Regular expressions are RE2's: no look-around and no back-references, and so no pattern that takes
exponential time. Those that Python's engine is proved to match as fast are given to it (``bounded``).
Where RE2 is not installed (on an agent, which tests its own few strings against patterns its controller
sent) Python's engine stands in.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from itertools import islice
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from saltern.targeting import bounded
from saltern.targeting.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: The longest pattern, in characters.
LONGEST = 2_000
#: What a regular expression may cost above the usual in a search over a fleet, in seconds of CPU; and
#: what is usual for each string.
EXCESS = 0.1
USUAL = 3e-6
_SLICE = 256
_MOST_INSTRUCTIONS = 4_000
_MEMORY = 4 << 20  # of one automaton; with what is kept below it bounds them all
_WILD = re.compile(r"[*?\[]")


class Pattern:
    """A test of strings. ``literal`` is the one string that passes, where there is only one; ``prefix``
    is what all that pass begin with, and with ``only_prefix`` no more is asked of them."""

    __slots__ = ("_costly", "literal", "only_prefix", "prefix", "test", "text")

    def __init__(
        self,
        text: str,
        test: Callable[[str], Any],
        *,
        literal: str | None = None,
        prefix: str = "",
        only_prefix: bool = False,
        costly: bool = False,
    ) -> None:
        self.text = text
        self.test = test
        self.literal = literal
        self.prefix = prefix
        self.only_prefix = only_prefix
        self._costly = costly

    @property
    def everything(self) -> bool:
        """Tell that any string passes."""
        return self.only_prefix and not self.prefix

    def filter(self, strings: Iterable[str]) -> Iterator[str]:
        """Give those of ``strings`` that pass. Raises TargetError when that takes too long."""
        return self._within_budget(strings) if self._costly else filter(self.test, strings)

    def _within_budget(self, strings: Iterable[str]) -> Iterator[str]:
        rest = iter(strings)
        end = time.thread_time() + EXCESS
        while some := list(islice(rest, _SLICE)):
            yield from filter(self.test, some)
            end += len(some) * USUAL
            if time.thread_time() > end:
                raise TargetError("this pattern takes too long", self.text, hint=_TOO_SLOW)


_TOO_SLOW = "make it simpler, begin it with plain letters, or narrow the target with other terms first"


def plain(text: str) -> Pattern:
    """Return the test for exactly ``text``."""
    return Pattern(text, text.__eq__, literal=text, prefix=text)


def never(text: str) -> Pattern:
    """Return a test that nothing passes, for a ``text`` that is no pattern."""
    return Pattern(text, lambda _: False)


@lru_cache(maxsize=512)
def glob(text: str) -> Pattern:
    """Return the test for a shell pattern; ``[!a-z]`` negates, nothing escapes. It must match the whole."""
    _check_length(text)
    first = _WILD.search(text)
    if first is None:
        return plain(text)
    prefix, rest = text[: first.start()], text[first.start() :]
    if rest == "*":
        return Pattern(text, methodcaller("startswith", prefix), prefix=prefix, only_prefix=True)
    if rest[0] == "*" and not prefix and not _WILD.search(rest, 1):
        return Pattern(text, methodcaller("endswith", rest[1:]))
    import fnmatch

    return Pattern(text, re.compile(fnmatch.translate(text)).match, prefix=prefix)


@lru_cache(maxsize=64)
def regex(text: str, *, ignore_case: bool = False) -> Pattern:
    """Return the test for a string that begins with a match of ``text``.

    With ``ignore_case`` the strings must be in lower case. Raises TargetError for what is no regular
    expression, or one that could take exponential time.
    """
    _check_length(text)
    try:
        import re2
    except ImportError:
        return Pattern(text, _python_pattern(text, ignore_case).match)
    try:
        automaton = _automaton(_translated(text), ignore_case)
    except re2.error as error:
        _python_pattern(text, ignore_case)  # says better what is wrong with what no engine takes
        raise TargetError(f"this cannot be matched safely: {_reason(error)}", text, hint=_NOT_RE2) from None
    except OverflowError:
        raise TargetError("this pattern is too large", text, hint=_TOO_SLOW) from None
    swift = bounded.swift(text, ignore_case=ignore_case)
    prefix = bounded.prefix(text)
    prefix = prefix.lower() if ignore_case else prefix
    return Pattern(text, swift or automaton, prefix=prefix, costly=swift is None)


def _automaton(text: str, ignore_case: bool) -> Callable[[str], Any]:
    """Return RE2's test. A set of one pattern is its quickest way to a plain yes or no, and always linear.

    Raises re2.error for what it does not know, OverflowError for what becomes too large.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    options.never_capture = True
    options.max_mem = _MEMORY
    if re2.compile(text, options).programsize > _MOST_INSTRUCTIONS:
        raise OverflowError
    automaton = re2.Set.MatchSet(options)
    automaton.Add(text)
    automaton.Compile()
    return automaton.Match  # type: ignore[no-any-return]


_NOT_RE2 = "look-around and back-references are not known; use `and`, `or`, `not` between simpler terms"


def _python_pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(text, re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        position = getattr(error, "pos", None) or 0
        reason = getattr(error, "msg", None) or str(error)
        raise TargetError(f"not a regular expression: {reason}", text, position) from None


_DIALECT = re.compile(r"\\.|\{,(?=[0-9]+\})", re.DOTALL)
_IN_RE2 = {r"\Z": r"\z", "{,": "{0,"}


def _translated(text: str) -> str:
    r"""Write in RE2's way what Python writes otherwise: ``\Z`` is its ``\z``, ``{,3}`` its ``{0,3}``."""
    return _DIALECT.sub(lambda found: _IN_RE2.get(found[0], found[0]), text)


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise TargetError(f"a pattern of more than {LONGEST:,} characters", text, LONGEST)
