"""From rendered data to what one SLS declares: its ids, and what it includes, extends and excludes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from saltern.sls.fault import Fault, Place
from saltern.sls.high import Entry, Exclusion, Item
from saltern.sls.renderers.pipeline import Rendered
from saltern.sls.yaml_text import lines_of


class Include(NamedTuple):
    """An SLS to bring in, as written; ``saltenv`` is None for the environment of the file."""

    name: str
    saltenv: str | None
    place: Place


class Declarations(msgspec.Struct, kw_only=True):
    """What one SLS says."""

    entries: dict[str, Entry] = {}
    includes: list[Include] = []
    extensions: list[Entry] = []
    exclusions: list[Exclusion] = []
    faults: list[Fault] = []


def parse(rendered: Rendered, sls: str, saltenv: str) -> Declarations:
    """Return what a rendered SLS says; whatever is wrong with it is among the faults."""
    return _Reader(rendered, sls, saltenv).declarations()


_WORDS = ("include", "extend", "exclude")


class _Reader:
    def __init__(self, rendered: Rendered, sls: str, saltenv: str) -> None:
        self._data = rendered.data
        self._template = rendered.template
        self._source: Callable[[int], int] = rendered.work.source
        self._secret = rendered.work.secret
        self._sls = sls
        self._saltenv = saltenv
        self._found = Declarations()

    def declarations(self) -> Declarations:
        if self._data is None or self._data == {}:
            return self._found
        if not isinstance(self._data, dict):
            kind = type(self._data).__name__
            self._fault(f"SLS {self._sls} comes to a {kind}, not to a mapping of ids", 0)
            return self._found
        self._includes()
        self._extensions()
        self._exclusions()
        for id, body in self._data.items():
            if id not in _WORDS and not (isinstance(id, str) and id.startswith("__")):
                self._declare(id, body, self._line(self._data, id))
        return self._found

    # --- places --------------------------------------------------------------------------------------

    def _line(self, holder: Any, key: Any) -> int:
        """Return the source line of a mapping's key, 0 when it is not known."""
        line = lines_of(holder).get(key, 0)
        return self._source(line) if line else 0

    def _line_of_text(self, start: int, text: str) -> int:
        """Return the first line from ``start`` on that has a text in it: list items have no mark."""
        lines = self._template.text.splitlines()
        for number in range(max(start, 1), len(lines) + 1):
            if text in lines[number - 1]:
                return number
        return start

    def _fault(self, message: str, line: int, hint: str = "") -> None:
        self._found.faults += self._template.fail(message, line, hint=hint).faults

    # --- include, extend, exclude --------------------------------------------------------------------

    def _includes(self) -> None:
        written = self._data.get("include")
        if written is None:
            return
        line = self._line(self._data, "include")
        if not isinstance(written, list):
            self._fault("include holds no list", line, "write each SLS on a line of its own: '- name'")
            return
        for one in written:
            self._include(one, line)

    def _include(self, written: Any, line: int) -> None:
        if isinstance(written, str) and written:
            place = self._template.place(self._line_of_text(line, written))
            self._found.includes.append(Include(written, None, place))
            return
        if isinstance(written, dict) and len(written) == 1:
            saltenv, name = next(iter(written.items()))
            if isinstance(saltenv, str) and isinstance(name, str):
                place = self._template.place(self._line(written, saltenv) or line)
                self._found.includes.append(Include(name, saltenv, place))
                return
        self._fault(f"{written!r} can't be included", line, "an include is an SLS's name, or 'saltenv: name'")

    def _extensions(self) -> None:
        written = self._data.get("extend")
        if written is None:
            return
        line = self._line(self._data, "extend")
        if not isinstance(written, dict):
            self._fault("extend holds no mapping of ids", line)
            return
        for id, body in written.items():
            place = self._line(written, id) or line
            if not isinstance(body, dict):
                self._fault(f"what extends {id!r} is not a mapping of states", place)
                continue
            entry = self._entry(id, body, place)
            if entry is not None:
                self._found.extensions.append(entry)

    def _exclusions(self) -> None:
        written = self._data.get("exclude")
        if written is None:
            return
        line = self._line(self._data, "exclude")
        if not isinstance(written, list):
            self._fault("exclude holds no list", line)
            return
        for one in written:
            self._exclude(one, line)

    def _exclude(self, written: Any, line: int) -> None:
        kind, name = (
            next(iter(written.items())) if isinstance(written, dict) and written else ("sls", written)
        )
        if kind not in ("sls", "id") or not isinstance(name, str):
            hint = "an exclusion is an SLS's name, 'sls: name' or 'id: name'"
            self._fault(f"{written!r} can't be excluded", line, hint)
            return
        place = self._template.place(self._line(written, kind) or line)
        self._found.exclusions.append(Exclusion(kind, name, place))

    # --- ids -----------------------------------------------------------------------------------------

    def _declare(self, id: Any, body: Any, line: int) -> None:
        if isinstance(body, str) and "." in body:
            module, function = body.split(".")[:2]
            body = {module: [function]}
        if not isinstance(body, dict):
            hint = "below an id stand states: 'pkg.installed: []'"
            if body is None:
                hint = "nothing stands below the id; is what should be indented too little?"
            self._fault(f"ID {id!r} in SLS {self._sls} is not a mapping of states", line, hint)
            return
        entry = self._entry(id, body, line)
        if entry is not None:
            self._found.entries[entry.id] = entry

    def _entry(self, id: Any, body: dict[Any, Any], line: int) -> Entry | None:
        if not isinstance(id, str):
            hint = f"put it in quotes: '{id}'"
            self._fault(f"ID {id!r} in SLS {self._sls} is not text but {_kind(id)}", line, hint)
            return None
        states: dict[str, list[Item]] = {}
        # Salt moves the names with a dot behind those without: their order is the order of the states.
        for key in sorted(body, key=lambda key: isinstance(key, str) and "." in key):
            self._state(states, id, key, body, self._line(body, key) or line)
        return Entry(
            id=id, sls=self._sls, saltenv=self._saltenv, where=self._template.place(line), states=states
        )

    def _state(
        self, states: dict[str, list[Item]], id: str, key: Any, body: dict[Any, Any], line: int
    ) -> None:
        """Add one state of an id, its function at the end of its list where the key names it."""
        if not isinstance(key, str):
            self._fault(f"the state {key!r} of ID {id!r} is not text but {_kind(key)}", line)
            return
        if key.startswith("_"):
            return
        module, _, function = key.partition(".")
        if not self._is_list(id, key, body[key], line):
            return
        if module in states:
            self._fault(
                f"ID {id!r} in SLS {self._sls} has two states of {module!r}",
                line,
                "give one of them another id, and say 'name:' there",
            )
            return
        states[module] = self._items(id, body[key], line)
        if function:
            states[module].append(Item(function.split(".")[0], self._template.place(line)))

    def _is_list(self, id: str, key: str, written: Any, line: int) -> bool:
        if written is None:
            hint = f"without arguments leave the colon away, or write '{key}: []'"
            self._fault(f"nothing stands below {key!r} of ID {id!r}", line, hint)
        elif not isinstance(written, list):
            hint = "write each argument as an item: '- name: value'"
            self._fault(f"{key!r} of ID {id!r} in SLS {self._sls} holds no list", line, hint)
        return isinstance(written, list)

    def _items(self, id: str, written: list[Any], line: int) -> list[Item]:
        items = []
        for one in written:
            if isinstance(one, str):
                place = self._template.place(line)
            elif isinstance(one, dict):
                place = self._template.place(self._line(one, next(iter(one), None)) or line)
            else:
                hint = "an item is '- argument: value'"
                self._fault(f"{one!r} below ID {id!r} is neither an argument nor a function", line, hint)
                continue
            items.append(Item(one, place))
        return items


def _kind(value: Any) -> str:
    """Return a person's word for what YAML made of a text."""
    words = {bool: "a boolean", int: "a number", float: "a number", type(None): "nothing"}
    return words.get(type(value), f"a {type(value).__name__}")
