"""Data as YAML text."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any


def dump(value: Any, *, flow_style: bool | None = True) -> str:
    """Return data as YAML, keys sorted, without the line that ends a document.

    ``flow_style`` True puts it in braces, False in a block, None only the innermost in braces. Values
    that YAML has no form for become null.
    """
    import yaml

    text: str = yaml.dump(value, Dumper=_dumper(), allow_unicode=True, default_flow_style=flow_style).strip()
    return text.removesuffix("\n...")


@functools.cache
def _dumper() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]  # the base is known at run time
        """Writes any mapping and any sequence as what it is."""

    def other(dumper: Any, value: Any) -> Any:
        if isinstance(value, Mapping):
            return dumper.represent_dict(dict(value))
        if isinstance(value, str):
            return dumper.represent_str(str(value))
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            return dumper.represent_list(list(value))
        return dumper.represent_scalar("tag:yaml.org,2002:null", "NULL")

    Dumper.add_representer(None, other)
    return Dumper
