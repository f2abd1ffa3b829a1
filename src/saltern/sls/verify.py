"""Whether high data can be understood: every fault is found, none stops the search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from saltern.sls.high import LISTS, Entry, High, Item


def verify(high: High) -> None:
    """Note whatever is wrong with the form of the entries."""
    for entry in high.entries.values():
        for module, items in entry.states.items():
            _check_functions(high, entry, module, items)
            for item in items:
                if not isinstance(item.value, str):
                    _check_arguments(high, entry, item)


def _check_functions(high: High, entry: Entry, module: str, items: Iterable[Item]) -> None:
    functions = [item for item in items if isinstance(item.value, str)]
    for item in functions:
        if " " in str(item.value).strip():
            high.fault(
                f"{item.value!r} below ID {entry.id!r} is taken for a function, and has a space in it",
                item.place,
                hint="is it an argument that lacks a colon?",
            )
    if not functions:
        hint = f"name it: '{module}.function:', or an item '- function'"
        high.fault(f"ID {entry.id!r}: no function of {module!r} is named", entry.where, hint=hint)
    elif len(functions) > 1:
        known = ", ".join(str(item.value) for item in functions)
        high.fault(
            f"ID {entry.id!r}: several functions of {module!r} are named: {known}",
            functions[0].place,
            hint="one id has one function of a module; is one of them an argument that lacks a colon?",
            also=tuple(item.place for item in functions[1:]),
        )


def _check_arguments(high: High, entry: Entry, item: Item) -> None:
    assert isinstance(item.value, dict)
    for key, value in item.value.items():
        if not isinstance(key, str):
            hint = f"put it in quotes: '{key}'"
            high.fault(f"ID {entry.id!r}: the argument {key!r} is not text", item.place, hint=hint)
        elif key == "names" and not isinstance(value, list):
            high.fault(f"ID {entry.id!r}: names holds no list", item.place)
        elif key in LISTS:
            _check_requisite(high, entry, item, key, value)


def _check_requisite(high: High, entry: Entry, item: Item, key: str, value: Any) -> None:
    if not isinstance(value, list):
        hint = f"write '- {key}:' and below it '- module: id'"
        high.fault(f"ID {entry.id!r}: {key} holds no list", item.place, hint=hint)
        return
    if len(item.value) != 1:
        hint = "begin each argument with its own '- '"
        high.fault(f"ID {entry.id!r}: other arguments stand beside {key}", item.place, hint=hint)
