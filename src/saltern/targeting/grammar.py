"""Text to expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from saltern.targeting import addresses, nodeset, patterns, ranges, versions
from saltern.targeting.errors import TargetError
from saltern.targeting.expression import (
    FACT_LETTERS,
    And,
    Expression,
    Fact,
    Glob,
    Group,
    Kind,
    Matching,
    Names,
    Not,
    Online,
    Or,
    Range,
    Regex,
    Since,
    Source,
    Subnet,
    Version,
)
from saltern.targeting.match import Question
from saltern.targeting.words import Word, split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPERATORS = frozenset({"and", "or", "not", "(", ")"})
#: How deep parentheses and ``not`` may nest, and how many words a compound target may have.
DEEPEST = 100
MOST_WORDS = 20_000
#: How many regular expressions it may have.
MOST_PATTERNS = 100

_TERM = re.compile(r"([A-Za-z])(.?)@(.*)", re.DOTALL)
_KINDS = {
    Kind.GRAIN: (Source.GRAINS, Matching.GLOB),
    Kind.GRAIN_PCRE: (Source.GRAINS, Matching.REGEX),
    Kind.PILLAR: (Source.PILLAR, Matching.GLOB),
    Kind.PILLAR_PCRE: (Source.PILLAR, Matching.REGEX),
    Kind.PILLAR_EXACT: (Source.PILLAR, Matching.EXACT),
}


def parse(text: str, kind: Kind = Kind.GLOB, *, delimiter: str = ":") -> Expression:
    """Return what ``text``, read as ``kind``, means; ``delimiter`` parts the keys of a fact.

    Raises TargetError, with a caret at the fault, when it means nothing.
    """
    target = text.strip()
    start = text.find(target)
    if not target:
        raise TargetError("the target is empty", text, hint="'*' means every agent")
    try:
        return _read(target, kind, delimiter)
    except TargetError as fault:
        raise _moved(fault, text, start if fault.expression == target else 0) from None


def parse_words(words: Sequence[str], *, where: str = "") -> Expression:
    """Return what a compound target means that is given word by word (words may hold spaces)."""
    placed = []
    position = 0
    for word in words:
        placed.append(Word(word, position, quoted=word not in OPERATORS))
        position += len(word) + 1
    try:
        return _Compound(placed, " ".join(words), exact=False).whole()
    except TargetError as fault:
        fault.where = where
        raise


def _read(text: str, kind: Kind, delimiter: str) -> Expression:
    if kind in _KINDS:
        source, matching = _KINDS[kind]
        return _fact(source, matching, text, delimiter)
    if kind in (Kind.COMPOUND, Kind.COMPOUND_PILLAR_EXACT):
        return _Compound(split(text), text, exact=kind is Kind.COMPOUND_PILLAR_EXACT).whole()
    return _READERS[kind](text)


def _bare(text: str) -> Expression:
    """Return what a word without ``X@`` means: globs, node sets and facts about the agent, with commas."""
    items = _items(text)
    parts = tuple(_located(_bare_item, item, text, position) for position, item in items)
    if all(isinstance(part, Names) for part in parts) and len(parts) > 1:
        return Names(tuple(name for part in parts if isinstance(part, Names) for name in part.names))
    return parts[0] if len(parts) == 1 else Or(parts)


_CLASS = re.compile(r"\[!?\]?[^\]]*\]|[^,\[]+|\[", re.DOTALL)


def _items(text: str) -> list[tuple[int, str]]:
    """Split at the commas outside brackets; gives each item with its place."""
    items: list[tuple[int, str]] = []
    position = start = 0
    while position <= len(text):
        if position == len(text) or text[position] == ",":
            if start < position:
                items.append((start, text[start:position]))
            start = position = position + 1
            continue
        piece = _CLASS.match(text, position)
        position = piece.end() if piece else position + 1
    if not items:
        raise TargetError("nothing but commas", text)
    return items


def _bare_item(text: str) -> Expression:
    term = _TERM.match(text)
    if term:
        _not_here(text, term.group(1))
    word, colon, rest = text.partition(":")
    if colon and word in _ABOUT:
        return _located(_ABOUT[word], rest, text, len(word) + 1)
    if nodeset.is_folded(text):
        return Names(tuple(nodeset.listed(text)))
    ambiguous = nodeset.has_span(text)
    if ambiguous:
        raise TargetError(
            "numbers in brackets and a wildcard together", text, ambiguous.start(), hint=_AMBIGUOUS
        )
    patterns.glob(text)
    return Glob(text)


_AMBIGUOUS = "as a glob [10-20] is one character; write the numbers out, or use a regular expression with E@"


def _not_here(text: str, letter: str) -> NoReturn:
    if letter in "TM":
        raise TargetError(f"{letter}@ targets (resources) are not known here", text)
    known = letter.upper() in _LETTERS or letter.upper() in FACT_LETTERS
    hint = "compound terms need -C; a single one has its own option, -E to -S" if known else ""
    if known and letter.islower():
        hint = f"write {letter.upper()}@"
    letters = ", ".join(f"{known}@" for known in "EGPIJLNRS")
    raise TargetError(
        f"{text[: text.index('@') + 1]} does not belong here", text, hint=hint or f"known are {letters}"
    )


def _is(text: str) -> Expression:
    if text not in ("online", "offline"):
        raise TargetError("an agent is online or offline", text, hint="write is:online or is:offline")
    return Online(text == "online")


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(?:[0-9]{1,9}[smhdw])+", re.ASCII)


def _since(text: str) -> Expression:
    if not _SPAN.fullmatch(text):
        raise TargetError(
            "not a length of time", text, hint="write since:30s, since:10m, since:1h30m, since:7d"
        )
    pairs = re.findall(r"([0-9]+)([smhdw])", text)
    return Since(float(sum(int(count) * _UNITS[unit] for count, unit in pairs)), text)


def _version(text: str) -> Expression:
    operator = next((sign for sign in versions.OPERATORS if text.startswith(sign)), "")
    term = Version(operator or "==", text[len(operator) :])
    versions.question(term)
    return term


_ABOUT: dict[str, Callable[[str], Expression]] = {"is": _is, "since": _since, "version": _version}


def _regex(text: str) -> Expression:
    patterns.regex(text)
    return Regex(text)


def _list(text: str) -> Expression:
    return Names(tuple(nodeset.listed(text)))


def _fact(source: Source, matching: Matching, path: str, delimiter: str) -> Expression:
    if not delimiter:
        raise TargetError("the delimiter is empty", path)
    fact = Fact(source, matching, path, delimiter)
    try:
        Question(fact).check()
    except TargetError as fault:
        raise _moved(fault, path, max(0, path.rfind(fault.expression))) from None
    return fact


def _subnet(text: str) -> Expression:
    addresses.question(text)
    return Subnet(text)


def _range(text: str) -> Expression:
    ranges.parse(text)
    return Range(text)


_READERS: dict[Kind, Callable[[str], Expression]] = {
    Kind.GLOB: _bare,
    Kind.PCRE: _regex,
    Kind.LIST: _list,
    Kind.IPCIDR: _subnet,
    Kind.NODEGROUP: Group,
    Kind.RANGE: _range,
}
_LETTERS = {"E": _regex, "L": _list, "S": _subnet, "N": Group, "R": _range}


def _located(reader: Callable[[str], Expression], part: str, whole: str, position: int) -> Expression:
    """Read a part of a text; an error shows the whole, with the caret at its place there."""
    try:
        return reader(part)
    except TargetError as fault:
        raise _moved(fault, whole, position) from None


def _moved(fault: TargetError, whole: str, position: int) -> TargetError:
    moved = TargetError(fault.fault, whole, position + fault.position, hint=fault.hint)
    moved.where = fault.where
    return moved


class _Place(NamedTuple):
    """Where the parser stands."""

    word: Word | None
    operator: str  # the operator there, if it is one


class _Compound:
    """``or`` binds least, then ``and``, then ``not``; parentheses bind most."""

    def __init__(self, words: Sequence[Word], text: str, *, exact: bool) -> None:
        self._words = words
        self._text = text
        self._exact = exact
        self._next = 0
        if len(words) > MOST_WORDS:
            raise self._error(f"more than {MOST_WORDS:,} words", words[MOST_WORDS].position)
        patterns = [word for word in words if word.text[:1] in ("E", "P", "J") and "@" in word.text[:3]]
        if len(patterns) > MOST_PATTERNS:
            raise self._error(f"more than {MOST_PATTERNS} patterns", patterns[MOST_PATTERNS].position)

    def whole(self) -> Expression:
        """Return what all words mean."""
        expression = self._or(0)
        place = self._place()
        if place.word is None:
            return expression
        if place.operator == ")":
            raise self._error("this parenthesis was never opened", place.word.position)
        hint = 'join terms with `and` or `or`; a value with spaces needs quotes: "G@os:Red Hat"'
        raise self._error("an operator is missing before this", place.word.position, hint)

    def _or(self, depth: int) -> Expression:
        parts = [self._and(depth)]
        while self._take("or"):
            parts.append(self._and(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self, depth: int) -> Expression:
        parts = [self._not(depth)]
        while self._take("and") or self._place().operator == "not":
            parts.append(self._not(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self, depth: int) -> Expression:
        place = self._place()
        if place.word is None:
            raise self._error("a term is missing at the end", len(self._text))
        if depth > DEEPEST:
            raise self._error("nested too deeply", place.word.position)
        if self._take("not"):
            return Not(self._not(depth + 1))
        if self._take("("):
            return self._inside(place.word, depth)
        if place.operator:
            raise self._error(f"a term was expected, not {place.operator!r}", place.word.position)
        self._next += 1
        return self._term(place.word)

    def _inside(self, opened: Word, depth: int) -> Expression:
        expression = self._or(depth + 1)
        if not self._take(")"):
            raise self._error("this parenthesis is never closed", opened.position)
        return expression

    def _term(self, word: Word) -> Expression:
        term = _TERM.fullmatch(word.text)
        letter = term.group(1) if term else ""
        if term and letter in FACT_LETTERS:
            source, matching = FACT_LETTERS[letter]
            exact = self._exact and source is Source.PILLAR
            return self._reading(
                lambda path: _fact(source, Matching.EXACT if exact else matching, path, term.group(2) or ":"),
                word,
                term,
            )
        if term and letter in _LETTERS and not term.group(2):
            return self._reading(_LETTERS[letter], word, term)
        return _located(_bare, word.text, self._text, word.position)

    def _reading(self, reader: Callable[[str], Expression], word: Word, term: re.Match[str]) -> Expression:
        if not term.group(3):
            raise self._error(f"nothing stands after {word.text}", word.position)
        return _located(reader, term.group(3), self._text, word.position + term.start(3))

    def _place(self) -> _Place:
        if self._next >= len(self._words):
            return _Place(None, "")
        word = self._words[self._next]
        return _Place(word, word.text if word.text in OPERATORS and not word.quoted else "")

    def _take(self, operator: str) -> bool:
        """Step over ``operator`` if it is next."""
        here = self._place().operator == operator
        self._next += here
        return here

    def _error(self, fault: str, position: int, hint: str = "") -> TargetError:
        return TargetError(fault, self._text, position, hint=hint)
