"""PostgreSQL: databases, roles, and what is in them, through its own program ``psql``."""

from __future__ import annotations

from saltern.library.postgres.connection import unavailable

__all__ = ["unavailable"]
