"""``salt.utils.json``: Python's, with what Salt adds."""

from __future__ import annotations

import json
from typing import Any

JSONDecodeError = json.JSONDecodeError
JSONEncoder = json.JSONEncoder
load = json.load


def loads(s: str | bytes, **kwargs: Any) -> Any:
    """Return what JSON says."""
    kwargs.pop("encoding", None), kwargs.pop("json_module", None)
    return json.loads(s, **kwargs)


def dumps(obj: Any, **kwargs: Any) -> str:
    """Return data as JSON, not limited to ASCII."""
    kwargs.pop("json_module", None)
    return json.dumps(obj, **{"ensure_ascii": False, **kwargs})


def dump(obj: Any, fp: Any, **kwargs: Any) -> None:
    """Write data as JSON."""
    kwargs.pop("json_module", None)
    json.dump(obj, fp, **{"ensure_ascii": False, **kwargs})


def find_json(raw: str) -> Any:
    """Return the first JSON that begins a line of some text. Raises ValueError when there is none."""
    lines = raw.splitlines(keepends=True)
    for start, line in enumerate(lines):
        if line.lstrip()[:1] in ("{", "["):
            try:
                return json.JSONDecoder().raw_decode("".join(lines[start:]).lstrip())[0]
            except ValueError:
                continue
    raise ValueError("there is no JSON in it")
