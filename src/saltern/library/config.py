"""Settings: the agent's own, else a grain, else the pillar, each under Salt's names.

Settings of one's own stand in ``options`` of ``agent.yaml``. A value ``sdb://…`` is looked up there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from saltern.library.sdb.address import resolved
from saltern.sdk import Host
from saltern.sdk.merge import over
from saltern.sdk.traverse import traverse

_ABSENT = object()
_ADDRESS = re.compile(r"(salt|https?|ftp|s3|swift|file)://")


def get(
    host: Host,
    key: str,
    default: Any = "",
    delimiter: str = ":",
    merge: str | None = None,
    omit_opts: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_grains: bool = False,
) -> Any:
    """Return the value at a path: of the first that has it, or with ``merge`` of all that do.

    They are asked in this order: settings, grains, pillar, the pillar's ``master``. ``merge=recurse`` lays
    mappings into each other, ``merge=overwrite`` key by key; the earlier win. ``default`` is what there is
    when nobody has it.

    Example:
        saltern run '*' config.get web:port 80
    """
    found = []
    for source in _sources(host, omit_opts, omit_grains, omit_pillar, omit_master):
        value = traverse(source, key, _ABSENT, delimiter)
        if value is not _ABSENT:
            found.append(resolved(host, value))
            if merge not in ("recurse", "overwrite"):
                break
    if not found:
        return default
    first, *others = found
    return _merged(first, others, deep=merge == "recurse")


def _merged(first: Any, others: list[Any], deep: bool) -> Any:
    """Return ``first`` laid upon the mappings among the others, the last lowest."""
    if not isinstance(first, Mapping):
        return first
    made: Any = {}
    for one in [*reversed(others), first]:
        if isinstance(one, Mapping):
            made = over(made, one) if deep else {**made, **one}
    return made


def option(
    host: Host,
    value: str,
    default: Any = None,
    omit_opts: bool = False,
    omit_grains: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_all: bool = False,
    wildcard: bool = False,
) -> Any:
    """Return a setting by its whole name, of the first that has it; ``default``, or nothing, if nobody does.

    With ``wildcard`` the name is a shell pattern, and a mapping of all that match is returned.

    Example:
        saltern run '*' config.option backup_mode
    """
    sources = () if omit_all else _sources(host, omit_opts, omit_grains, omit_pillar, omit_master)
    if wildcard:
        found: dict[str, Any] = {}
        for source in sources:
            found = {name: one for name, one in source.items() if fnmatchcase(str(name), value)} | found
        return {name: resolved(host, one) for name, one in found.items()}
    for source in sources:
        if value in source:
            return resolved(host, source[value])
    return "" if default is None else default


def merge(
    host: Host,
    value: str,
    default: Any = "",
    omit_opts: bool = False,
    omit_master: bool = False,
    omit_pillar: bool = False,
) -> Any:
    """Return a setting put together of settings, the pillar's ``master`` and the pillar, by its whole name.

    The first text found is the answer. Of mappings the earlier win, key by key; lists are put one after the
    other.

    Example:
        saltern run '*' config.merge mine_functions
    """
    made: Any = _ABSENT
    for source in _sources(host, omit_opts, True, omit_pillar, omit_master, master_first=True):
        found = source.get(value)
        if made is _ABSENT and value in source:
            made = found
        elif isinstance(made, Mapping) and isinstance(found, Mapping):
            made = {**found, **made}
        elif isinstance(made, list) and isinstance(found, list):
            made = [*made, *found]
        if isinstance(made, str):
            return resolved(host, made)
    return default if made is _ABSENT else made


def dot_vals(host: Host, value: str) -> dict[str, Any]:
    """Return the settings whose names begin with ``value`` and a dot; those of the agent before the pillar's.

    Example:
        saltern run '*' config.dot_vals host
    """
    found: dict[str, Any] = {}
    for source in _sources(host, False, True, False, False):
        for name, one in source.items():
            if str(name).startswith(f"{value}."):
                found.setdefault(str(name), one)
    return found


def items(host: Host) -> dict[str, Any]:
    """Return all settings of the agent.

    Example:
        saltern run '*' config.items
    """
    return dict(host.supply.opts)


def backup_mode(host: Host, backup: str = "") -> Any:
    """Return ``backup``, or without one the setting ``backup_mode``.

    Example:
        saltern run '*' config.backup_mode
    """
    return backup or option(host, "backup_mode")


def manage_mode(host: Host, mode: str | int | None) -> str | None:
    """Return permission bits as four octal digits; ``keep`` stays as it is.

    Example:
        saltern run '*' config.manage_mode 644
    """
    if mode is None:
        return None
    text = str(mode).strip("'\"")
    return text.zfill(4) if text.isdigit() else text


def valid_fileproto(host: Host, uri: str) -> bool:
    """Tell whether an address is of a kind that files can be had from.

    Example:
        saltern run '*' config.valid_fileproto salt://path/to/file
    """
    return _ADDRESS.match(uri) is not None


def _sources(
    host: Host,
    omit_opts: bool,
    omit_grains: bool,
    omit_pillar: bool,
    omit_master: bool,
    master_first: bool = False,
) -> Iterator[Mapping[Any, Any]]:
    """Give the mappings that are asked, in order; none is made before it is."""
    if not omit_opts:
        yield host.supply.opts
    if not omit_grains:
        yield host.grains
    if master_first and not omit_master:
        yield _master(host)
    if not omit_pillar:
        yield host.supply.pillar
    if not master_first and not omit_master:
        yield _master(host)


def _master(host: Host) -> Mapping[Any, Any]:
    found = host.supply.pillar.get("master")
    return found if isinstance(found, Mapping) else {}
