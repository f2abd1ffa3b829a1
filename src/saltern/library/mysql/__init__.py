"""MySQL and MariaDB: databases, users and what they may do, through the servers' own client."""

from __future__ import annotations

from saltern.library.mysql.connection import unavailable

__all__ = ["unavailable"]
