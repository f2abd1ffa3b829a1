"""What the states of MySQL and MariaDB have in common: how the server is reached."""

from __future__ import annotations

from typing import Any

from saltern.library.mysql.connection import Access
from saltern.sdk import State


class Reaching(State, frozen=True, kw_only=True):
    """``connection_…`` say how the server is reached; else it is as the settings say."""

    connection_host: str | None = None
    connection_port: int | str | None = None
    connection_user: str | None = None
    connection_pass: str | None = None
    connection_db: str | None = None
    connection_unix_socket: str | None = None
    connection_default_file: str | None = None
    connection_default_group: str | None = None
    connection_charset: str | None = None

    @property
    def given(self) -> dict[str, Any]:
        """How the server is reached, as arguments."""
        return {name: getattr(self, name) for name in Access.__struct_fields__}

    @property
    def access(self) -> Access:
        """How the server is reached."""
        return Access(**self.given)
