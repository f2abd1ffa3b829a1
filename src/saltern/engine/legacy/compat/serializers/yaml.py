"""``salt.serializers.yaml``."""

from __future__ import annotations

from typing import Any

from saltern.engine.legacy.compat.utils import yaml

available = True


def serialize(obj: Any, **options: Any) -> str:
    """Return data as YAML."""
    text: str = yaml.safe_dump(obj, **{"default_flow_style": False, **options})
    return text.removesuffix("\n...\n")


def deserialize(text: str | bytes, **options: Any) -> Any:
    """Return what YAML says."""
    return yaml.safe_load(text)
