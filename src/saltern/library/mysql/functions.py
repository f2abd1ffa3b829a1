"""The functions of ``mysql``, gathered from where they are written."""

from __future__ import annotations

from saltern.library.mysql.databases import (
    alter_db,
    db_create,
    db_exists,
    db_get,
    db_list,
    db_remove,
    db_tables,
    processlist,
    query,
    showvariables,
    status,
    version,
)
from saltern.library.mysql.grants import (
    grant_add,
    grant_exists,
    grant_revoke,
    user_grants,
)
from saltern.library.mysql.users import (
    user_chpass,
    user_create,
    user_exists,
    user_info,
    user_list,
    user_remove,
)

__all__ = [
    "alter_db",
    "db_create",
    "db_exists",
    "db_get",
    "db_list",
    "db_remove",
    "db_tables",
    "grant_add",
    "grant_exists",
    "grant_revoke",
    "processlist",
    "query",
    "showvariables",
    "status",
    "user_chpass",
    "user_create",
    "user_exists",
    "user_grants",
    "user_info",
    "user_list",
    "user_remove",
    "version",
]
