"""YAML as people write it for Salt: safe, ordered, bounded, and with the place of each key kept.

Read from the parser's events, so that depth is known before anything is nested. Dates stay text, and a key
that stands twice in a mapping is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from saltern.sls.yaml_scalars import CONVERTERS

if TYPE_CHECKING:
    import yaml

#: An event of PyYAML's parser: its classes share no type that knows of anchors, tags and places.
Event = Any

_TAG = "tag:yaml.org,2002:"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one document may hold. ``repeated`` counts the values that aliases stand for."""

    size: int = 32 * 1024 * 1024
    depth: int = 100
    repeated: int = 1_000_000


class YamlError(Exception):
    """Text that is not YAML, or not the YAML that is accepted. ``line`` and ``column`` count from 1.

    ``also`` is another line the message is about, 0 for none.
    """

    def __init__(
        self, message: str, line: int = 0, column: int = 0, *, hint: str = "", also: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint
        self.also = also


class Marked(dict[Any, Any]):
    """A mapping that knows the line (from 1) of each of its keys."""

    __slots__ = ("lines",)

    lines: dict[Any, int]


def lines_of(value: Any) -> dict[Any, int]:
    """Return the lines of a mapping's keys; empty for one that was not read from YAML."""
    return value.lines if isinstance(value, Marked) else {}


def load(text: str, *, marked: bool = False, limits: Limits | None = None) -> Any:
    """Return the one document in ``text``; None when there is none. Raises YamlError.

    With ``marked`` each mapping is a ``Marked``, else a plain dict.
    """
    import yaml

    limits = limits or Limits()
    if len(text) > limits.size:
        raise YamlError(f"more than {limits.size} characters")
    try:
        parser = (getattr(yaml, "CSafeLoader", None) or yaml.SafeLoader)(text)
        try:
            return _Builder(parser.get_event, limits, marked).document()
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        raise _translated(error, text) from None
    except yaml.reader.ReaderError as error:
        raise _unreadable(error, text) from None


def _translated(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    problem = str(error.problem or error.context or "not YAML")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    hint = ""
    if "cannot start any token" in problem and _character(text, line, column) == "\t":
        problem, hint = "a tab is used to indent", "indent with spaces"
    elif "mapping values are not allowed" in problem:
        hint = "quote a text that holds ': ', and check the indentation"
    elif "could not find expected ':'" in problem or "did not find expected key" in problem:
        hint = "check the indentation here and of the line above"
    context = error.context_mark.line + 1 if error.context_mark else 0
    return YamlError(problem, line, column, hint=hint, also=context if context != line else 0)


def _character(text: str, line: int, column: int) -> str:
    lines = text.splitlines()
    return lines[line - 1][column - 1 : column] if line <= len(lines) else ""


def _unreadable(error: yaml.reader.ReaderError, text: str) -> YamlError:
    position = error.position if isinstance(error.position, int) else 0
    before = text.encode()[:position].decode(errors="ignore")
    return YamlError(
        f"a character that YAML does not allow ({error.reason})",
        before.count("\n") + 1,
        len(before) - before.rfind("\n"),
        hint="take the control character away, or write it as an escape in double quotes",
    )


class _Builder:
    """Makes plain data of events."""

    def __init__(self, next_event: Callable[[], Event], limits: Limits, marked: bool) -> None:
        import yaml

        self._yaml = yaml
        self._next = next_event
        self._limits = limits
        self._marked = marked
        self._resolvers = yaml.SafeLoader.yaml_implicit_resolvers
        self._known: dict[str, Any] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}  # the value and how many values it holds
        self._open: set[str] = set()
        self._count = 0
        self._repeated = 0

    def document(self) -> Any:
        """Return the stream's only document."""
        yaml = self._yaml
        self._next()  # the stream starts
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        value = self._value(self._next(), 1)
        self._next()  # the document ends
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise YamlError(
                "a second document begins here",
                event.start_mark.line + 1,
                hint="one file holds one document: take the line '---' away",
            )
        return value

    def _value(self, event: Event, depth: int) -> Any:
        yaml = self._yaml
        self._count += 1
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
            return value
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > self._limits.depth:
            raise _at(event, f"nested deeper than {self._limits.depth} levels")
        return self._collection(event, depth)

    def _collection(self, event: Event, depth: int) -> Any:
        anchor, before = event.anchor, self._count
        if anchor:
            self._open.add(anchor)
            self._anchors.pop(anchor, None)
        if isinstance(event, self._yaml.MappingStartEvent):
            value = self._mapping(event, depth)
        else:
            value = self._sequence(event, depth)
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = (value, self._count - before)
        return value

    def _alias(self, event: Event) -> Any:
        if event.anchor in self._open:
            raise _at(event, f"the alias *{event.anchor} stands within what it is an alias of")
        if event.anchor not in self._anchors:
            raise _at(event, f"there is no anchor &{event.anchor} above")
        value, size = self._anchors[event.anchor]
        self._count += size
        self._repeated += size
        if self._repeated > self._limits.repeated:
            raise _at(event, f"aliases stand for more than {self._limits.repeated} values")
        return value

    def _sequence(self, event: Event, depth: int) -> Any:
        end = self._yaml.SequenceEndEvent
        items: list[Any] = []
        places: list[Event] = []
        tag = _plain_tag(event, "seq")
        while not isinstance(inner := self._next(), end):
            places.append(inner)
            items.append(self._value(inner, depth + 1))
        if tag == "seq":
            return items
        if tag in ("omap", "pairs"):
            return _pairs(tag, items, places)
        raise _at(event, f"the tag {event.tag!r} is not known for a list")

    def _mapping(self, event: Event, depth: int) -> Any:
        tag = _plain_tag(event, "map")
        if tag not in ("map", "set", "omap"):
            raise _at(event, f"the tag {event.tag!r} is not known for a mapping")
        mapping: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        merged: list[dict[Any, Any]] = []
        end = self._yaml.MappingEndEvent
        while not isinstance(inner := self._next(), end):
            if _is_merge(inner):
                merged += self._merged(depth)
                continue
            key = self._key(inner, depth)
            if key in mapping:
                raise _twice(inner, key, lines[key])
            lines[key] = inner.start_mark.line + 1
            mapping[key] = self._value(self._next(), depth + 1)
        whole = self._finished(mapping, lines, merged)
        return set(whole) if tag == "set" else whole

    def _finished(
        self, own: dict[Any, Any], lines: dict[Any, int], merged: list[dict[Any, Any]]
    ) -> dict[Any, Any]:
        """Return a mapping with what was merged in first and its own keys after; its own values win."""
        whole = Marked() if self._marked else {}
        for part in reversed(merged):
            whole.update((key, value) for key, value in part.items() if key not in own)
        whole.update(own)
        if isinstance(whole, Marked):
            whole.lines = {key: line for part in reversed(merged) for key, line in lines_of(part).items()}
            whole.lines.update(lines)
        return whole

    def _key(self, event: Event, depth: int) -> Any:
        if isinstance(event, self._yaml.MappingStartEvent):
            raise _at(
                event,
                "a mapping is used as a key",
                hint="double curly braces need quotes here, or were meant for a template",
            )
        key = self._value(event, depth + 1)
        key = tuple(key) if isinstance(key, list) else key
        try:
            hash(key)
        except TypeError:
            raise _at(event, "a list or a mapping is used as a key") from None
        return key

    def _merged(self, depth: int) -> list[dict[Any, Any]]:
        """Return the mappings that ``<<`` brings in, the most important first."""
        place = self._next()
        value = self._value(place, depth + 1)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise _at(place, "'<<' takes a mapping, or a list of mappings")
        return parts

    # --- scalars ------------------------------------------------------------------------------------

    def _scalar(self, event: Event) -> Any:
        tag, text = event.tag, event.value
        if tag is None or tag == "!":
            if not event.implicit[0]:
                return text
            return self._plain(text, event)
        short = tag.removeprefix(_TAG) if tag.startswith(_TAG) else ""
        if short in ("str", "python/unicode", "timestamp"):
            return text
        try:
            return CONVERTERS[short](text)
        except KeyError:
            raise _at(
                event, f"the tag {tag!r} is not known", hint="quote the text if it is not a tag"
            ) from None
        except ValueError as error:
            raise _at(event, f"{text!r} is not a {short}: {error}") from None

    def _plain(self, text: str, event: Event) -> Any:
        """Return what a text without quotes means: a number, a boolean, null, or itself."""
        resolvers = self._resolvers.get(text[:1])
        if resolvers is None:
            return text
        if text in self._known:
            return self._known[text]
        value = self._known[text] = self._resolved(text, resolvers, event)
        return value

    def _resolved(self, text: str, resolvers: list[Any], event: Event) -> Any:
        for tag, pattern in resolvers:
            if pattern.match(text):
                short = tag.removeprefix(_TAG)
                if short not in CONVERTERS:
                    return text
                try:
                    return CONVERTERS[short](text)
                except ValueError as error:
                    raise _at(event, f"{text!r} is not a {short}: {error}") from None
        return text


def _at(event: Event, message: str, *, hint: str = "", also: int = 0) -> YamlError:
    return YamlError(message, event.start_mark.line + 1, event.start_mark.column + 1, hint=hint, also=also)


def _twice(event: Event, key: Any, first: int) -> YamlError:
    hint = "give one of them another name, or put both under one"
    return _at(event, f"{key!r} stands here twice", also=first, hint=hint)


def _plain_tag(event: Event, default: str) -> str:
    tag = event.tag
    return default if tag is None or tag == "!" else str(tag).removeprefix(_TAG)


def _is_merge(event: Event) -> bool:
    return getattr(event, "value", "") == "<<" and event.tag is None and event.implicit[0]


def _pairs(tag: str, items: list[Any], places: list[Event]) -> Any:
    for item, place in zip(items, places, strict=True):
        if not isinstance(item, dict) or len(item) != 1:
            raise _at(place, f"each item of an {tag} is a mapping with one key")
    pairs = [next(iter(item.items())) for item in items]
    return dict(pairs) if tag == "omap" else pairs
