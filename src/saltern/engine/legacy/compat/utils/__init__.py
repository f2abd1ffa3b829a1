"""``salt.utils``: its modules, and the names that lay here before 2018."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.engine.legacy import compat

#: Where old names have gone.
_MOVED: Mapping[str, tuple[str, str]] = {
    "fopen": ("files", "fopen"),
    "flopen": ("files", "flopen"),
    "mkstemp": ("files", "mkstemp"),
    "is_binary": ("files", "is_binary"),
    "istextfile": ("files", "is_text"),
    "rm_rf": ("files", "rm_rf"),
    "which": ("path", "which"),
    "which_bin": ("path", "which_bin"),
    "path_join": ("path", "join"),
    "is_linux": ("platform", "is_linux"),
    "is_windows": ("platform", "is_windows"),
    "is_darwin": ("platform", "is_darwin"),
    "is_freebsd": ("platform", "is_freebsd"),
    "is_sunos": ("platform", "is_sunos"),
    "is_proxy": ("platform", "is_proxy"),
    "to_str": ("stringutils", "to_str"),
    "to_bytes": ("stringutils", "to_bytes"),
    "to_unicode": ("stringutils", "to_unicode"),
    "to_num": ("stringutils", "to_num"),
    "is_true": ("data", "is_true"),
    "is_list": ("data", "is_list"),
    "is_dictlist": ("data", "is_dictlist"),
    "repack_dictlist": ("data", "repack_dictlist"),
    "compare_dicts": ("data", "compare_dicts"),
    "compare_lists": ("data", "compare_lists"),
    "traverse_dict": ("data", "traverse_dict"),
    "traverse_dict_and_list": ("data", "traverse_dict_and_list"),
    "subdict_match": ("data", "subdict_match"),
    "clean_kwargs": ("args", "clean_kwargs"),
    "invalid_kwargs": ("args", "invalid_kwargs"),
    "shlex_split": ("args", "shlex_split"),
    "get_hash": ("hashutils", "get_hash"),
    "namespaced_function": ("functools", "namespaced_function"),
    "alias_function": ("functools", "alias_function"),
    "warn_until": ("versions", "warn_until"),
    "compare_versions": ("versions", "compare"),
    "get_user": ("user", "get_user"),
}


def __getattr__(name: str) -> Any:
    """Return a module below, or what lay here under an old name."""
    module, _, own = _MOVED.get(name, (name, "", ""))[0], "", _MOVED.get(name, ("", ""))[1]
    found = compat.below(__name__, module)
    return getattr(found, own) if own else found
