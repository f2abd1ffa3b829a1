"""``salt.utils.yaml``: PyYAML, without what would run code."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import yaml
from yaml import YAMLError
from yaml.constructor import ConstructorError
from yaml.parser import ParserError
from yaml.scanner import ScannerError

SafeLoader = SaltYamlSafeLoader = yaml.CSafeLoader


class SafeOrderedDumper(yaml.SafeDumper):
    """Writes mappings with an order as plain ones."""


SafeOrderedDumper.add_representer(OrderedDict, lambda dumper, data: dumper.represent_dict(data.items()))
OrderedDumper = SafeOrderedDumper


def load(stream: Any, Loader: Any = SafeLoader) -> Any:
    """Return what YAML says."""
    return yaml.load(stream, SafeLoader)  # noqa: S506  it is a safe one


safe_load = load


def dump(data: Any, stream: Any = None, **kwargs: Any) -> Any:
    """Return data as YAML, or write it."""
    kwargs.pop("Dumper", None)
    options = {"allow_unicode": True, "default_flow_style": None, **kwargs}
    return yaml.dump(data, stream, Dumper=SafeOrderedDumper, **options)


safe_dump = dump

__all__ = [
    "ConstructorError",
    "OrderedDumper",
    "ParserError",
    "SafeLoader",
    "SafeOrderedDumper",
    "SaltYamlSafeLoader",
    "ScannerError",
    "YAMLError",
    "dump",
    "load",
    "safe_dump",
    "safe_load",
]
