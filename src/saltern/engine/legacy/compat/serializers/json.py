"""``salt.serializers.json``."""

from __future__ import annotations

import json
from typing import Any

available = True


def serialize(obj: Any, **options: Any) -> str:
    """Return data as JSON."""
    return json.dumps(obj, **options)


def deserialize(text: str | bytes, **options: Any) -> Any:
    """Return what JSON says."""
    return json.loads(text, **options)
