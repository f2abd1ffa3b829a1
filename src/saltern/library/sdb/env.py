"""Values in the environment of the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.sdk import Host


class Environment:
    """Reads variables, and sets them for what follows in this process."""

    def get(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Return a variable; None when it is not set."""
        return host.environment.get(key)

    def set(self, host: Host, key: str, value: Any, profile: Mapping[str, Any]) -> Any:
        """Set a variable and return its value."""
        host.set_environment(key, str(value))
        return str(value)

    def delete(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Take a variable away."""
        host.set_environment(key, None)
        return True
