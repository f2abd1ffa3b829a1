"""Installing, removing, upgrading, holding; groups of packages."""

from __future__ import annotations

from typing import Any

from saltern.library.pkg.choice import Packages, Rules, Version, exact, wishes
from saltern.library.pkg.fetch import fetched
from saltern.library.pkg.fetch import sources as named_sources
from saltern.library.pkg.manager import Differences, Options, Wish, differences
from saltern.library.pkg.providers import manager
from saltern.sdk import BadArgument, Host, NotFound

_DROP = "/var/cache/saltern/packages"


def install(
    host: Host,
    name: str | None = None,
    refresh: bool = False,
    fromrepo: str = "",
    skip_verify: bool = False,
    pkgs: Packages | None = None,
    sources: list[dict[str, str]] | None = None,
    reinstall: bool = False,
    version: Version = None,
    ignore_epoch: bool = False,
    only_upgrade: bool = False,
    install_recommends: bool = True,
    force_conf_new: bool = False,
    downloadonly: bool = False,
    update_holds: bool = False,
    enablerepo: str = "",
    disablerepo: str = "",
) -> Differences:
    """Install packages and return what has changed: ``{name: {old, new}}``.

    Example:
        saltern run 'web*' pkg.install nginx version='1.22.*'
    """
    chosen = manager(host)
    if refresh:
        chosen.refresh()
    wished = named_sources(sources) if sources is not None else _wished(name, version, pkgs)
    options = Options(
        fromrepo=fromrepo,
        skip_verify=skip_verify,
        reinstall=reinstall,
        only_upgrade=only_upgrade,
        recommends=install_recommends,
        new_configuration=force_conf_new,
        download_only=downloadonly,
        update_holds=update_holds,
        enablerepo=enablerepo,
        disablerepo=disablerepo,
    )
    before = chosen.installed()
    with fetched(host, exact(wished, chosen, fromrepo, Rules(ignore_epoch=ignore_epoch)), _DROP) as ready:
        chosen.install(ready, options)
    return differences(before, chosen.installed())


def remove(host: Host, name: str | None = None, pkgs: Packages | None = None) -> Differences:
    """Remove packages and return what has changed.

    Example:
        saltern run '*' pkg.remove telnetd
    """
    return _without(host, _wished(name, None, pkgs), purge=False)


def purge(host: Host, name: str | None = None, pkgs: Packages | None = None) -> dict[str, Any]:
    """Remove packages with their configuration; return ``{installed: {…}, removed: {…}}`` as Salt does.

    Example:
        saltern run '*' pkg.purge apache2
    """
    left = manager(host).leftovers()
    gone = _without(host, _wished(name, None, pkgs), purge=True)
    after = manager(host).leftovers()
    cleaned = {name: {"old": one, "new": ""} for name, one in left.items() if name not in after}
    return {"installed": gone, "removed": cleaned}


def upgrade(
    host: Host, refresh: bool = True, dist_upgrade: bool = False, force_conf_new: bool = False
) -> Differences:
    """Upgrade everything and return what has changed. ``dist_upgrade`` may also remove packages.

    Example:
        saltern run '*' pkg.upgrade dist_upgrade=True
    """
    chosen = manager(host)
    if refresh:
        chosen.refresh()
    before = chosen.installed()
    chosen.upgrade(dist_upgrade=dist_upgrade, options=Options(new_configuration=force_conf_new))
    return differences(before, chosen.installed())


def autoremove(host: Host, list_only: bool = False, purge: bool = False) -> Any:
    """Remove what was installed only for others that are gone; ``list_only`` names it.

    Example:
        saltern run '*' pkg.autoremove list_only=True
    """
    found_changes = manager(host).autoremove(purge=purge, simulate=list_only)
    return sorted(found_changes) if list_only else found_changes


def held(host: Host) -> list[str]:
    """Return the packages that stay at their version.

    Example:
        saltern run '*' pkg.held
    """
    return list(manager(host).held())


def hold(host: Host, name: str | None = None, pkgs: Packages | None = None) -> dict[str, Any]:
    """Keep packages at their version; return for each ``{name, changes, result, comment}``.

    Example:
        saltern run 'db*' pkg.hold postgresql-15
    """
    return _held(host, _wished(name, None, pkgs), "hold")


def unhold(host: Host, name: str | None = None, pkgs: Packages | None = None) -> dict[str, Any]:
    """Let packages be upgraded again; return for each ``{name, changes, result, comment}``.

    Example:
        saltern run 'db*' pkg.unhold postgresql-15
    """
    return _held(host, _wished(name, None, pkgs), "install")


def group_list(host: Host) -> dict[str, list[str]]:
    """Return the groups of packages there are, ``{installed: […], available: […]}``.

    Example:
        saltern run 'G@os_family:RedHat' pkg.group_list
    """
    names = manager(host).group_names()
    return {
        "installed": sorted(name for name, there in names.items() if there),
        "available": sorted(name for name, there in names.items() if not there),
    }


def group_info(host: Host, name: str) -> dict[str, Any]:
    """Return what belongs to a group: ``{group, description, mandatory, default, optional}``.

    Example:
        saltern run 'G@os_family:RedHat' pkg.group_info 'Development Tools'
    """
    group = manager(host).groups(name)
    if group is None:
        raise NotFound(f"no repository has a group {name!r}", hint="pkg.group_list shows them")
    return {
        "group": group.name,
        "description": group.description,
        "mandatory": list(group.mandatory),
        "default": list(group.default),
        "optional": list(group.optional),
    }


def group_install(
    host: Host, name: str, skip: list[str] | None = None, include: list[str] | None = None
) -> Differences:
    """Install a group of packages and return what has changed.

    Example:
        saltern run 'G@os_family:RedHat' pkg.group_install 'Development Tools'
    """
    info = group_info(host, name)
    wanted = [*info["mandatory"], *info["default"], *(include or [])]
    return install(host, pkgs=[one for one in dict.fromkeys(wanted) if one not in (skip or [])])


def _wished(name: str | None, version: Version, pkgs: Packages | None) -> list[Wish]:
    if name is None and pkgs is None:
        raise BadArgument("name a package, or several in pkgs")
    if pkgs is None and name is not None and "," in name:
        pkgs = [*name.split(",")]
    return wishes(name or "", version, pkgs)


def _without(host: Host, wished: list[Wish], *, purge: bool) -> Differences:
    chosen = manager(host)
    before, left = chosen.installed(), chosen.leftovers() if purge else {}
    names = [wish.name for wish in wished if wish.name in before or wish.name in left]
    if names:
        chosen.remove(names, purge=purge)
    return differences(before, chosen.installed())


def _held(host: Host, wished: list[Wish], word: str) -> dict[str, Any]:
    chosen = manager(host)
    there, before = chosen.installed(), set(chosen.held())
    missing = [wish.name for wish in wished if wish.name not in there]
    if missing:
        raise NotFound(f"not installed: {', '.join(missing)}")
    changing = [wish.name for wish in wished if (wish.name in before) is not (word == "hold")]
    if changing:
        (chosen.hold if word == "hold" else chosen.unhold)(changing)
    was = "install" if word == "hold" else "hold"
    return {wish.name: _verdict(wish.name, was, word, wish.name in changing) for wish in wished}


def _verdict(name: str, was: str, word: str, changed: bool) -> dict[str, Any]:
    is_held = "being held" if word == "hold" else "not being held"
    return {
        "name": name,
        "changes": {"old": was, "new": word} if changed else {},
        "result": True,
        "comment": f"Package {name} is {'now' if changed else 'already'} {is_held}.",
    }
