"""Settings files: YAML into a typed struct; a wrong key or value is an error that names its line."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from saltern.foundation.errors import SettingsError, nearest

S = TypeVar("S", bound=msgspec.Struct)

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+|\d+(?:\.\d+)?", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw]?)", re.ASCII)


def load(path: Path, kind: type[S]) -> S:
    """Return the settings in ``path`` as ``kind``; all defaults when there is no such file.

    Raises SettingsError with file and line for YAML that cannot be read, an unknown key (and the nearest
    known one), or a value of the wrong type.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return kind()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot be read: {error}", where=str(path)) from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise SettingsError(f"not valid YAML: {getattr(error, 'problem', error)}", where=where) from error
    try:
        return msgspec.convert(data if data is not None else {}, kind)
    except msgspec.ValidationError as error:
        raise _explain(error, path, text, kind) from error


def read_options(options: Any, kind: type[S]) -> S:
    """Return the options of something that has a door as ``kind``; defaults for None.

    Raises SettingsError that proposes the nearest name.
    """
    try:
        return msgspec.convert({} if options is None else options, kind)
    except msgspec.ValidationError as error:
        unknown = re.search(r"unknown field `([^`]*)`", str(error))
        known = kind.__struct_fields__
        hint = nearest(unknown[1], known) or f"known: {', '.join(known)}" if unknown else ""
        raise SettingsError(str(error), hint=hint) from error


def duration(text: str | float) -> float:
    """Return seconds for ``90``, ``"90"``, ``"1.5h"``, ``"1h30m"``, ``"7d"``. Raises SettingsError."""
    if isinstance(text, int | float):
        seconds = float(text)
    elif _DURATION.fullmatch(word := text.strip().lower()):
        seconds = sum(float(number) * _UNITS.get(unit, 1.0) for number, unit in _PART.findall(word))
    else:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"{text!r} is not a duration", hint="write 30s, 5m, 1h30m, 7d, or plain seconds")
    return seconds


def _explain(
    error: msgspec.ValidationError, path: Path, text: str, kind: type[msgspec.Struct]
) -> SettingsError:
    message = str(error)
    unknown = re.search(r"unknown field `([^`]*)`", message)
    inside = re.search(r"at `\$\.?([^`]*)`", message)
    trail = inside.group(1) if inside else ""
    word = unknown.group(1) if unknown else trail.rsplit(".", 1)[-1].split("[")[0]
    hint = ""
    if unknown:
        holder = _struct_at(kind, trail)
        hint = nearest(word, holder.__struct_fields__) or "known: " + ", ".join(holder.__struct_fields__)
    for number, line in enumerate(text.splitlines(), 1):
        if word and re.match(rf"\s*['\"]?{re.escape(word)}['\"]?\s*:", line):
            return SettingsError(message, where=f"{path}:{number}", hint=hint)
    return SettingsError(message, where=str(path), hint=hint)


def _struct_at(kind: type[msgspec.Struct], trail: str) -> type[msgspec.Struct]:
    for name in filter(None, trail.split(".")):
        for field in msgspec.structs.fields(kind):
            if field.name == name and isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
                kind = field.type
    return kind
