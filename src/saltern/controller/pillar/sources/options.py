"""What sources have in common: options as a struct, the agent's name in them, data that was read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from saltern.foundation.errors import SalternError
from saltern.sls.yaml_text import YamlError, load


class BadData(SalternError):
    """A source gave something that is no pillar data."""

    code = "bad_data"


def mapping_of_yaml(text: str, what: str) -> Mapping[str, Any]:
    """Return the mapping in YAML; an empty one for nothing. Raises BadData."""
    try:
        data = load(text)
    except YamlError as error:
        raise BadData(f"what {what} gave is no YAML: line {error.line}: {error.message}") from None
    return _mapping({} if data is None else data, what)


def mapping_of_json(text: str, what: str) -> Mapping[str, Any]:
    """Return the mapping in JSON. Raises BadData."""
    try:
        return _mapping(json.loads(text), what)
    except RecursionError:
        raise BadData(f"what {what} gave is nested too deep") from None
    except ValueError as error:
        raise BadData(f"what {what} gave is no JSON: {error}") from None


def _mapping(data: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise BadData(f"what {what} gave is no mapping, but {type(data).__name__}")
    return data
