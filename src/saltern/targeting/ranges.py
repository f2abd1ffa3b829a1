"""The range language (R@), read: ``%web:ALL - web01..09, /db/ & @spares``.

``,`` is union, ``-`` difference (not inside a word), ``&`` intersection; all bind alike, from the left.
``,-`` and ``,&`` mean the same as ``-`` and ``&``.
"""

from __future__ import annotations

import re

import msgspec

from saltern.targeting import patterns
from saltern.targeting.errors import TargetError
from saltern.targeting.patterns import Pattern

DEEPEST = 60
MOST_PATTERNS = 100


class Word(msgspec.Struct, frozen=True):
    """A name, or many: ``web1``, ``web01..09``, ``web[001-120]``. A quoted one is only itself."""

    text: str
    position: int
    quoted: bool = False


class Joined(msgspec.Struct, frozen=True):
    """Every way to write one of each part after the other: ``{a,b}.x``."""

    parts: tuple[Node, ...]


class Search(msgspec.Struct, frozen=True):
    """Names in which a regular expression is found."""

    pattern: str


class Combined(msgspec.Struct, frozen=True):
    """Two sets and what is made of them: ``,`` or ``-`` or ``&``."""

    operator: str
    left: Node
    right: Node


class Others(msgspec.Struct, frozen=True):
    """All agents but these."""

    part: Node


class Call(msgspec.Struct, frozen=True):
    """A look-up in the clusters."""

    function: str
    arguments: tuple[Node, ...]
    position: int


Node = Word | Joined | Search | Combined | Others | Call

#: Functions and how many arguments each takes.
FUNCTIONS = {"cluster": 1, "group": 1, "clusters": 1, "groups": 1, "has": 2, "mem": 2, "allclusters": 0}
_SIGNS = {"%": "cluster", "@": "group", "*": "clusters", "?": "groups"}

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|q\((?:[^)\\]|\\.)*\))
    | (?P<search>/(?:[^/\\]|\\.)*/)
    | (?P<word>(?:[A-Za-z0-9_.:]|\[[0-9][0-9,\-]*\])(?:[A-Za-z0-9_.:\-]|\[[0-9][0-9,\-]*\])*)
    | (?P<combine>,\s*[-&]|[,\-&])
    | (?P<sign>[%@*?!(){};])
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    position: int


_END = "end"


def parse(text: str) -> Node:
    """Return what a range expression means. Raises TargetError with a caret at the fault."""
    parser = _Parser(text)
    node = parser.combined(0)
    parser.expect_end()
    return node


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    stop = len(text.rstrip())
    while position < stop:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            place = position + len(text[position:]) - len(text[position:].lstrip())
            raise TargetError(f"{text[place]!r} is not of the range language", text, place)
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return [*tokens, _Token(_END, "", len(text))]


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        searches = [token for token in self._tokens if token.kind == "search"]
        if len(searches) > MOST_PATTERNS:
            place = searches[MOST_PATTERNS].position
            raise TargetError(f"more than {MOST_PATTERNS} patterns", text, place)

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def expect_end(self) -> None:
        """Raise TargetError when something is left."""
        if self._token.kind != _END:
            raise self._error(f"{self._token.text!r} was not expected here")

    def combined(self, depth: int) -> Node:
        """Read a sequence of operands and operators."""
        if depth > DEEPEST:
            raise self._error("nested too deeply")
        node = self._operand(depth)
        while self._token.kind == "combine":
            operator = self._token.text[-1]
            self._next += 1
            node = Combined(operator, node, self._operand(depth))
        return node

    def _operand(self, depth: int) -> Node:
        token = self._token
        if token.kind == "search":
            self._next += 1
            return Search(self._pattern(token))
        if token.kind == "sign" and (token.text in _SIGNS or token.text == "!"):
            self._next += 1
            if depth > DEEPEST:
                raise self._error("nested too deeply")
            part = self._operand(depth + 1)
            return Others(part) if token.text == "!" else Call(_SIGNS[token.text], (part,), token.position)
        return self._joined(depth)

    def _pattern(self, token: _Token) -> str:
        pattern = re.sub(
            r"\\(/|\\.)", lambda found: found[1] if found[1] == "/" else found[0], token.text[1:-1]
        )
        try:
            patterns.regex(pattern)
        except TargetError as fault:
            place = token.position + 1 + fault.position
            raise TargetError(fault.fault, self._text, place, hint=fault.hint) from None
        return pattern

    def _joined(self, depth: int) -> Node:
        """Read words and braces written one after the other."""
        parts = [self._single(depth)]
        braces = self._tokens[self._next - 1].text == "}"
        while self._token.text == "{" or (braces and self._token.kind in ("word", "quoted")):
            braces = self._token.text == "{"
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else Joined(tuple(parts))

    def _single(self, depth: int) -> Node:
        token = self._token
        if token.kind == "word":
            self._next += 1
            return self._call(token, depth) if self._token.text == "(" else Word(token.text, token.position)
        if token.kind == "quoted":
            self._next += 1
            inner = token.text[2:-1] if token.text.startswith("q(") else token.text[1:-1]
            return Word(re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL), token.position, quoted=True)
        if token.text in ("(", "{"):
            self._next += 1
            node = self.combined(depth + 1)
            self._close(token)
            return node
        raise self._error("a name was expected here")

    def _close(self, opened: _Token) -> None:
        if self._token.text != {"(": ")", "{": "}"}[opened.text]:
            raise TargetError(f"this {opened.text!r} is never closed", self._text, opened.position)
        self._next += 1

    def _call(self, name: _Token, depth: int) -> Node:
        if name.text not in FUNCTIONS:
            known = ", ".join(sorted(FUNCTIONS))
            raise TargetError(
                f"no function {name.text!r}", self._text, name.position, hint=f"known are {known}"
            )
        opened = self._token
        self._next += 1
        arguments = []
        while self._token.text != ")":
            arguments.append(self.combined(depth + 1))
            if self._token.text != ";":
                break
            self._next += 1
        self._close(opened)
        if len(arguments) != FUNCTIONS[name.text]:
            count = FUNCTIONS[name.text]
            raise TargetError(
                f"{name.text} takes {count} argument(s), with ; between", self._text, name.position
            )
        return Call(name.text, tuple(arguments), name.position)

    def _error(self, fault: str) -> TargetError:
        return TargetError(fault, self._text, self._token.position)


_HOSTS = re.compile(
    r"(?P<prefix>[A-Za-z_.:\-0-9]*?)(?P<first>[0-9]{1,15})(?P<domain>[.:][A-Za-z0-9.:_\-]*[A-Za-z][A-Za-z0-9.:_\-]*)?"
    r"\.\.(?P<again>[A-Za-z_.:\-0-9]*?)(?P<last>[0-9]{1,15})(?P<suffix>[^0-9].*)?",
    re.ASCII,
)


def span(text: str) -> tuple[str, list[str], str] | None:
    """Return prefix, numbers and suffix of ``web01..09.example``; None if it is no such span.

    A shorter end replaces the last digits of the start: ``100..1`` is 100, 101.
    """
    match = _HOSTS.fullmatch(text)
    if match is None or match["again"] not in ("", match["prefix"]):
        return None
    domain, suffix = match["domain"] or "", match["suffix"] or ""
    if domain and suffix not in ("", domain):
        return None
    first, last = match["first"], match["last"]
    kept = first[: max(0, len(first) - len(last))]
    start, width = int(first[len(kept) :]), min(len(first), len(last))
    numbers = [f"{kept}{number:0{width}d}" for number in _bounded(start, int(last))]
    return match["prefix"], numbers, domain or suffix


def _bounded(first: int, last: int) -> range:
    from saltern.targeting.nodeset import LIMIT

    if last - first >= LIMIT:
        raise TargetError(f"more than {LIMIT:,} names", f"{first}..{last}")
    return range(first, last + 1)


def search(pattern: str) -> Pattern:
    """Return the test for names in which ``pattern`` is found anywhere."""
    patterns.regex(pattern)
    return patterns.regex(f"(?s:.*)(?:{pattern})")
