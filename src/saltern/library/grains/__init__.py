"""Facts about the host: read them, write one's own, choose by them.

A path into nested grains is written with colons: ``ip4_interfaces:eth0:0``. What is written goes into
the file ``grains`` beside the settings, which is read again whenever grains are collected.
"""

from __future__ import annotations

from typing import Any, Literal

from saltern.library.grains.values import ABSENT, choice, objection_to, placed, store
from saltern.sdk import BadArgument, Host
from saltern.sdk.traverse import traverse

ALIASES = {"fetch": "get"}

_HIDDEN = {
    **dict.fromkeys(("id", "fqdn"), "MINION.DOMAINNAME"),
    **dict.fromkeys(("host", "localhost", "nodename"), "MINION"),
    "domain": "DOMAINNAME",
}


def get(host: Host, key: str, default: Any = "", delimiter: str = ":", ordered: bool = True) -> Any:
    """Return a grain, or ``default`` where there is none. ``ordered`` is accepted as Salt has it.

    Example:
        saltern run '*' grains.get systemd:version
    """
    return traverse(host.grains, key, default, delimiter)


def has_value(host: Host, key: str) -> bool:
    """Tell whether a grain exists.

    Example:
        saltern run '*' grains.has_value roles
    """
    return traverse(host.grains, key, ABSENT) is not ABSENT


def items(host: Host, sanitize: bool = False) -> dict[str, Any]:
    """Return all grains; ``sanitize`` hides what would tell the host's name.

    Example:
        saltern run '*' grains.items
    """
    return _sanitized(dict(host.grains)) if sanitize else dict(host.grains)


def item(
    host: Host, *args: str, default: Any = "", delimiter: str = ":", sanitize: bool = False
) -> dict[str, Any]:
    """Return some grains by their names, ``default`` for those there aren't.

    Example:
        saltern run '*' grains.item os osrelease
    """
    found = {key: traverse(host.grains, key, default, delimiter) for key in args}
    return _sanitized(found) if sanitize else found


def ls(host: Host) -> list[str]:
    """Return the names of all grains, sorted.

    Example:
        saltern run '*' grains.ls
    """
    return sorted(host.grains)


def equals(host: Host, key: str, value: Any) -> bool:
    """Tell whether a grain, written as text, is ``value``.

    Example:
        saltern run '*' grains.equals systemd:version 252
    """
    return str(value) == str(get(host, key))


def setvals(
    host: Host, grains: dict[str, Any], destructive: bool = False, refresh_pillar: bool = True
) -> dict[str, Any]:
    """Write grains; return what was written. With ``destructive`` a null takes the grain away.

    ``refresh_pillar`` is accepted as Salt has it. Raises SettingsError when the file that is there can't be
    read; it is then left alone.

    Example:
        saltern run '*' grains.setvals '{role: web, tier: 2}'
    """
    store(host, grains, destructive)
    return grains


def setval(
    host: Host, key: str, val: Any, destructive: bool = False, refresh_pillar: bool = True
) -> dict[str, Any]:
    """Write a grain; return it. ``refresh_pillar`` is accepted as Salt has it.

    Example:
        saltern run '*' grains.setval role web
    """
    return setvals(host, {key: val}, destructive)


def set_(
    host: Host,
    key: str,
    val: Any = "",
    force: bool = False,
    destructive: bool = False,
    delimiter: str = ":",
) -> dict[str, Any]:
    """Write a grain at a path; return ``{result, comment, changes}``.

    A list or a mapping is neither replaced nor put in place of something else unless ``force`` is given.

    Example:
        saltern run '*' grains.set app:web:port 2209
    """
    old = traverse(host.grains, key, ABSENT, delimiter)
    if old is not ABSENT and old == val and not (val is None and destructive):
        return _answer("Grain is already set")
    objection = "" if force or old is None else objection_to(key, old, val)
    if objection:
        return _refused(host, objection)
    top, *steps = key.split(delimiter)
    value, objection = placed(host.grains.get(top, ABSENT), steps, val, force, destructive)
    if objection:
        return _refused(host, f"{objection} Use 'force=True' to overwrite.")
    return _answer("", setval(host, top, value, destructive))


def append(host: Host, key: str, val: Any, convert: bool = False, delimiter: str = ":") -> Any:
    """Add to the end of a grain that is a list; return the grain, or text that says why not.

    ``convert`` makes a list of a single value first. A list of values adds each of them.

    Example:
        saltern run '*' grains.append roles web
    """
    found = traverse(host.grains, key, [], delimiter)
    if convert and not isinstance(found, list):
        found = [] if found is None else [found]
    if not isinstance(found, list):
        host.fail(1)
        return f"The key {key} is not a valid list"
    if val in found:
        return f"The val {val} was already in the list {key}"
    return _set_list(host, key, [*found, *(val if isinstance(val, list) else [val])], delimiter)


def remove(host: Host, key: str, val: Any, delimiter: str = ":") -> Any:
    """Take a value out of a grain that is a list; return the grain, or text that says why not.

    Example:
        saltern run '*' grains.remove roles web
    """
    found = traverse(host.grains, key, [], delimiter)
    if not isinstance(found, list):
        host.fail(1)
        return f"The key {key} is not a valid list"
    if val not in found:
        return f"The val {val} was not in the list {key}"
    kept = list(found)
    kept.remove(val)
    return _set_list(host, key, kept, delimiter)


def delval(host: Host, key: str, destructive: bool = False, force: bool = False) -> dict[str, Any]:
    """Make a grain null; with ``destructive`` take it away. Return ``{result, comment, changes}``.

    Example:
        saltern run '*' grains.delval role
    """
    return set_(host, key, None, force=force, destructive=destructive)


def delkey(host: Host, key: str, force: bool = False) -> dict[str, Any]:
    """Take a grain away; return ``{result, comment, changes}``.

    Example:
        saltern run '*' grains.delkey role
    """
    return delval(host, key, destructive=True, force=force)


def filter_by(
    host: Host,
    lookup_dict: dict[Any, Any],
    grain: str = "os_family",
    merge: dict[str, Any] | Literal[""] | None = None,
    default: str = "default",
    base: str | None = None,
) -> Any:
    """Choose from a table by a grain's value; return the choice, with ``base`` under and ``merge`` over it.

    The table's keys may be shell patterns. A grain that is a list takes the first of its values that
    matches a key; the keys are tried in the table's order. Without a match, ``default`` is the key taken.

    Example:
        saltern run '*' grains.filter_by '{Debian: {pkg: apache2}, RedHat: {pkg: httpd}}' default=Debian
    """
    return choice(
        "grains.filter_by", lookup_dict, traverse(host.grains, grain, []), merge or None, default, base
    )


def _set_list(host: Host, key: str, value: list[Any], delimiter: str) -> dict[str, Any]:
    top, *steps = key.split(delimiter)
    whole, objection = placed(host.grains.get(top, ABSENT), steps, value, False, False)
    if objection:
        raise BadArgument(objection)
    return setval(host, top, whole)


def _answer(comment: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"comment": comment, "changes": changes or {}, "result": True}


def _refused(host: Host, comment: str) -> dict[str, Any]:
    host.fail(1)
    return {"comment": comment, "changes": {}, "result": False}


def _sanitized(grains: dict[str, Any]) -> dict[str, Any]:
    hidden = {key: _HIDDEN[key] for key in grains if key in _HIDDEN}
    serial = grains.get("serialnumber")
    if isinstance(serial, str):
        shown = len(serial) * 3 // 4
        hidden["serialnumber"] = serial[:shown] + "X" * (len(serial) - shown)
    return grains | hidden
