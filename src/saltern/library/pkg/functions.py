"""The functions of ``pkg``, gathered from where they are written."""

from __future__ import annotations

from saltern.library.pkg.change import (
    autoremove,
    group_info,
    group_install,
    group_list,
    held,
    hold,
    install,
    purge,
    remove,
    unhold,
    upgrade,
)
from saltern.library.pkg.look import (
    file_dict,
    file_list,
    info_installed,
    latest_version,
    list_pkgs,
    list_repo_pkgs,
    list_upgrades,
    normalize_name,
    owner,
    parse_arch,
    refresh_db,
    upgrade_available,
    verify,
    version,
    version_cmp,
)
from saltern.library.pkg.repositories.functions import (
    del_repo,
    get_repo,
    list_repos,
    mod_repo,
)

ALIASES = {"available_version": "latest_version", "delete": "remove", "list_holds": "held"}

__all__ = [
    "ALIASES",
    "autoremove",
    "del_repo",
    "file_dict",
    "file_list",
    "get_repo",
    "group_info",
    "group_install",
    "group_list",
    "held",
    "hold",
    "info_installed",
    "install",
    "latest_version",
    "list_pkgs",
    "list_repo_pkgs",
    "list_repos",
    "list_upgrades",
    "mod_repo",
    "normalize_name",
    "owner",
    "parse_arch",
    "purge",
    "refresh_db",
    "remove",
    "unhold",
    "upgrade",
    "upgrade_available",
    "verify",
    "version",
    "version_cmp",
]
