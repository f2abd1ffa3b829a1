"""From a chunk's arguments to the state they describe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.engine.bind import coerce
from saltern.engine.slots import filled
from saltern.sdk import BadArgument, Host, State, nearest
from saltern.sdk.registry import StateKind
from saltern.sls.fault import Place
from saltern.sls.low import Chunk


def make(host: Host, kind: StateKind, chunk: Chunk, required: Sequence[str] = ()) -> State:
    """Return the state that a chunk describes, its slots filled in.

    ``required`` are the names of required states of its own module; a state that has the field ``require``
    is given them.
    Raises BadArgument that names the argument, where it is written, and the nearest known one.
    """
    if kind.cls.TAKES_LOW:
        return msgspec.convert({"name": chunk.name, "low": filled(host, chunk.low)}, kind.cls)
    arguments = filled(host, {**chunk.args, **_from_globals(kind, chunk), "name": chunk.name})
    if required and "require" in kind.cls.__struct_fields__:
        arguments["require"] = list(required)
    if kind.cls.TAKES_ANYTHING:
        given = {name: value for name, value in arguments.items() if name != "name"}
        arguments = {"name": chunk.name, "given": given}
    try:
        return msgspec.convert(arguments, kind.cls)
    except msgspec.ValidationError:
        return _carefully(host, kind, chunk, arguments)


def _from_globals(kind: StateKind, chunk: Chunk) -> dict[str, Any]:
    """Return what every state may be given and this one takes itself: ``runas``, ``timeout``, ``saltenv``."""
    return {
        name: chunk.low[name]
        for name in kind.cls.__struct_fields__
        if name not in chunk.args and name in _GLOBAL and chunk.low.get(name) is not None
    }


_GLOBAL = frozenset({"runas", "umask", "timeout", "saltenv", "check_cmd", "creates", "runas_password"})


def _carefully(host: Host, kind: StateKind, chunk: Chunk, arguments: Mapping[str, Any]) -> State:
    """Read each argument as a person would mean it, and say which one is wrong."""
    fields = {field.encode_name: field for field in kind.fields}
    unknown = [name for name in arguments if name not in fields]
    if unknown:
        known = [name for name in fields if name != "name"]
        hint = nearest(unknown[0], known) or (f"it takes {', '.join(known)}" if known else "it takes none")
        raise _wrong(host, kind, chunk, unknown[0], f"has no argument {unknown[0]!r}", hint)
    missing = [name for name, field in fields.items() if field.required and name not in arguments]
    if missing:
        raise _wrong(host, kind, chunk, missing[0], f"needs the argument {missing[0]!r}")
    given = {name: _converted(host, kind, chunk, fields[name], value) for name, value in arguments.items()}
    return msgspec.convert(given, kind.cls)


def _converted(
    host: Host, kind: StateKind, chunk: Chunk, field: msgspec.structs.FieldInfo, value: Any
) -> Any:
    try:
        return coerce(value, field.type)
    except msgspec.ValidationError as error:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "…"
        raise _wrong(host, kind, chunk, field.name, f"argument {field.name!r} = {shown}: {error}") from None


def _wrong(host: Host, kind: StateKind, chunk: Chunk, name: str, message: str, hint: str = "") -> BadArgument:
    place = _with_column(host, chunk, chunk.place_of(name), name)
    return BadArgument(f"{kind.name}: {message}", hint=hint, where=str(place) if place.path else "")


def _with_column(host: Host, chunk: Chunk, place: Place, name: str) -> Place:
    """Return a place with the column of an argument, when its line in the source has it as it is."""
    if not place.line:
        return place
    path = chunk.sls.replace(".", "/")
    for candidate in (f"{path}.sls", f"{path}/init.sls"):
        data = host.supply.file(f"salt://{candidate}?saltenv={chunk.saltenv}")
        if data is not None and place.path.endswith(candidate):
            lines = data.decode(errors="replace").splitlines()
            found = re.search(rf"(?<![\w-]){re.escape(name)}\s*:", lines[place.line - 1])
            return place if found is None else Place(place.path, place.line, found.start() + 1)
    return place
