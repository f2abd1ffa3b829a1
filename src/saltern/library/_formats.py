"""Data as text and back, in the formats that Salt's serializers have, under their names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.sdk import BadArgument, nearest

Options = Mapping[str, Any]


def serialized(data: Any, name: str, options: Options | None = None) -> str:
    """Return data as text in the format ``name``; ``options`` are those of Salt's serializer.

    Raises BadArgument for an unknown format, and for data or options that it has no form for.
    """
    return str(_used(_WRITERS, name, data, options or {}))


def deserialized(text: str, name: str, options: Options | None = None) -> Any:
    """Return the data that a text in the format ``name`` holds. Raises BadArgument."""
    return _used(_READERS, name, text, options or {})


def formats() -> list[str]:
    """Return the names of the formats that can be written, sorted."""
    return sorted(_WRITERS)


def _used(table: Mapping[str, Callable[[Any, Options], Any]], name: str, value: Any, options: Options) -> Any:
    import yaml

    if name not in table:
        known = ", ".join(sorted(table))
        raise BadArgument(
            f"no serializer {name!r} for this", hint=nearest(name, table) or f"there are {known}"
        )
    try:
        return table[name](value, options)
    except (TypeError, ValueError, AttributeError, KeyError, yaml.YAMLError) as error:
        raise BadArgument(f"{name}: {error}") from error


def _write_yaml(data: Any, options: Options) -> str:
    import yaml

    given = {"default_flow_style": False, "allow_unicode": True, **options}
    return str(yaml.dump(data, Dumper=yaml.SafeDumper, **given))


def _read_yaml(text: str, options: Options) -> Any:
    import yaml

    return yaml.safe_load(text)


def _write_json(data: Any, options: Options) -> str:
    return json.dumps(data, **{"indent": 2, "separators": (",", ": "), "sort_keys": True, **options})


def _read_json(text: str, options: Options) -> Any:
    return json.loads(text, **options)


def _write_ini(data: Any, options: Options) -> str:
    import configparser
    import io

    parser = configparser.ConfigParser(interpolation=None, **options)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    for section, values in data.items():
        parser[str(section)] = {str(key): str(value) for key, value in values.items()}
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()


def _read_ini(text: str, options: Options) -> dict[str, dict[str, str]]:
    import configparser

    parser = configparser.ConfigParser(interpolation=None, **options)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    return {section: dict(parser[section]) for section in parser.sections()}


def _write_python(data: Any, options: Options) -> str:
    import pprint

    return pprint.pformat(data, **options)


def _read_python(text: str, options: Options) -> Any:
    import ast

    try:
        return ast.literal_eval(text)
    except SyntaxError as error:
        raise ValueError(str(error)) from error


def _write_plist(data: Any, options: Options) -> str:
    import plistlib

    return plistlib.dumps(data, **options).decode()


def _read_plist(text: str, options: Options) -> Any:
    import plistlib

    return plistlib.loads(text.encode(), **options)


def _read_toml(text: str, options: Options) -> Any:
    import tomllib

    return tomllib.loads(text)


def _write_toml(data: Any, options: Options) -> str:
    if not isinstance(data, Mapping):
        raise TypeError("TOML holds a mapping")
    return "\n".join(_toml_lines(data, ())) + "\n"


def _toml_lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """Return a table's lines: its own values first, then the tables below it."""
    plain = {key: value for key, value in table.items() if not _is_below(value)}
    lines = [f"{_toml_key(key)} = {_toml_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        here = (*path, str(key))
        name = ".".join(map(_toml_key, here))
        if isinstance(value, Mapping):
            lines += ["", f"[{name}]", *_toml_lines(value, here)]
        elif _is_below(value):
            lines += [line for one in value for line in ("", f"[[{name}]]", *_toml_lines(one, here))]
    return lines[1:] if not path and lines[:1] == [""] else lines


def _is_below(value: Any) -> bool:
    """Tell whether a value is written as tables of its own."""
    tables = isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value)
    return isinstance(value, Mapping) or bool(tables)


def _toml_key(key: Any) -> str:
    text = str(key)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{_toml_key(key)} = {_toml_value(one)}" for key, one in value.items())
        return f"{{ {', '.join(pairs)} }}"
    raise TypeError(f"TOML has no form for {value!r}")


_WRITERS: Mapping[str, Callable[[Any, Options], str]] = {
    "yaml": _write_yaml,
    "yamlex": _write_yaml,
    "json": _write_json,
    "configparser": _write_ini,
    "python": _write_python,
    "plist": _write_plist,
    "toml": _write_toml,
    "tomlmod": _write_toml,
}
_READERS: Mapping[str, Callable[[Any, Options], Any]] = {
    "yaml": _read_yaml,
    "yamlex": _read_yaml,
    "json": _read_json,
    "configparser": _read_ini,
    "python": _read_python,
    "plist": _read_plist,
    "toml": _read_toml,
    "tomlmod": _read_toml,
}
