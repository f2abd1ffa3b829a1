"""``salt.utils.environment``: variables of this process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def get_module_environment(env: Any = None, function: str | None = None) -> dict[str, str]:
    """Return the variables that settings give a module: there are none."""
    return {}


def reset_system_locale(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return variables under which programs speak English."""
    return {**(env or os.environ), "LC_ALL": "C", "LANGUAGE": "C"}
