"""What is installed, and what could be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library.pkg import versions
from saltern.library.pkg.manager import as_given
from saltern.library.pkg.providers import manager
from saltern.sdk import BadArgument, Host, NotFound


def list_pkgs(host: Host, versions_as_list: bool = False, removed: bool = False) -> dict[str, Any]:
    """Return the installed packages with their versions; ``removed``: those of which configuration is left.

    Example:
        saltern run '*' pkg.list_pkgs
    """
    if removed:
        return as_given(
            {name: [one] for name, one in manager(host).leftovers().items()}, as_list=versions_as_list
        )
    return as_given(manager(host).installed(), as_list=versions_as_list)


def version(host: Host, *names: str, versions_as_list: bool = False) -> Any:
    """Return the installed version of a package, "" when there is none; of several a mapping.

    Example:
        saltern run '*' pkg.version openssl
    """
    there = as_given(manager(host).installed(), as_list=versions_as_list)
    return _one_or_all(names, {name: there.get(name, [] if versions_as_list else "") for name in names})


def owner(host: Host, *paths: str) -> Any:
    """Return the package a file belongs to, "" for none; of several files a mapping.

    Example:
        saltern run '*' pkg.owner /bin/ls
    """
    return _one_or_all(paths, dict(manager(host).owners(paths)))


def file_list(host: Host, *packages: str) -> dict[str, list[str]]:
    """Return the files of installed packages in one list, ``{files: […], errors: […]}``.

    Example:
        saltern run '*' pkg.file_list bash
    """
    per_package = file_dict(host, *packages)
    every = [path for paths in per_package["packages"].values() for path in paths]
    return {"files": every, "errors": per_package["errors"]}


def file_dict(host: Host, *packages: str) -> dict[str, Any]:
    """Return the files of each package, ``{packages: {name: […]}, errors: […]}``.

    Example:
        saltern run '*' pkg.file_dict bash
    """
    chosen = manager(host)
    there = chosen.installed()
    names = [name for name in packages or there if name in there]
    missing = [f"package {name} is not installed" for name in packages if name not in there]
    return {"packages": {name: list(paths) for name, paths in chosen.files(names).items()}, "errors": missing}


def info_installed(host: Host, *names: str, attr: str = "", failhard: bool = True) -> dict[str, Any]:
    """Return what is known of installed packages; ``attr`` names the fields wanted, divided by commas.

    Raises NotFound for one that isn't installed, unless ``failhard`` is false.

    Example:
        saltern run '*' pkg.info_installed bash attr=version,install_size
    """
    known = manager(host).info(names)
    missing = [name for name in names if name not in known]
    if missing and failhard:
        raise NotFound(f"not installed: {', '.join(missing)}")
    fields = set(attr.split(",")) if attr else None
    return {
        name: {key: value for key, value in entry.items() if fields is None or key in fields}
        for name, entry in known.items()
    }


def verify(host: Host, *names: str) -> dict[str, Any]:
    """Return the files of installed packages that were changed or removed, by package.

    Example:
        saltern run '*' pkg.verify openssh-server
    """
    chosen = manager(host)
    return {name: dict(files) for name, files in chosen.wrong(names or sorted(chosen.installed())).items()}


def latest_version(
    host: Host, *names: str, refresh: bool = True, fromrepo: str = "", show_installed: bool = False
) -> Any:
    """Return the version an upgrade would bring, "" when there is nothing newer; of several a mapping.

    Example:
        saltern run '*' pkg.latest_version nginx refresh=False
    """
    chosen = manager(host)
    if refresh:
        chosen.refresh()
    there, known = chosen.installed(), chosen.available(names, fromrepo)
    found: dict[str, str] = {}
    for name in names:
        candidate = known[name].candidate if name in known else ""
        mine = there.get(name, ())
        newer = candidate and (show_installed or not mine or chosen.compare(mine[-1], candidate) < 0)
        found[name] = candidate if newer else ""
    return _one_or_all(names, found)


def list_repo_pkgs(host: Host, *names: str, fromrepo: str = "") -> dict[str, list[str]]:
    """Return all versions of packages that the repositories have, newest first.

    Example:
        saltern run '*' pkg.list_repo_pkgs nginx
    """
    known = manager(host).available(names, fromrepo)
    return {name: list(entry.versions) for name, entry in known.items()}


def upgrade_available(host: Host, name: str, refresh: bool = False) -> bool:
    """Tell whether the repositories have a newer version of a package than is installed.

    Example:
        saltern run '*' pkg.upgrade_available openssl
    """
    return bool(latest_version(host, name, refresh=refresh))


def list_upgrades(host: Host, refresh: bool = True, dist_upgrade: bool = True) -> dict[str, str]:
    """Return the packages that an upgrade would change, with their new versions.

    Example:
        saltern run '*' pkg.list_upgrades
    """
    chosen = manager(host)
    if refresh:
        chosen.refresh()
    return {name: change["new"] for name, change in chosen.upgrades(dist_upgrade=dist_upgrade).items()}


def refresh_db(host: Host, cache_valid_time: int = 0, failhard: bool = False) -> dict[str, bool | None]:
    """Fetch the lists of available packages, unless they are younger than ``cache_valid_time`` seconds.

    Returns for each source True (new), None (as before) or False (not fetched; an error with ``failhard``).

    Example:
        saltern run '*' pkg.refresh_db
    """
    chosen = manager(host)
    if cache_valid_time and chosen.stale() <= cache_valid_time:
        return {}
    fetched_lists = dict(chosen.refresh())
    if failhard and False in fetched_lists.values():
        host.fail(1)
    return fetched_lists


def version_cmp(
    host: Host, pkg1: str | int | float, pkg2: str | int | float, ignore_epoch: bool = False
) -> int:
    """Return -1, 0 or 1: the first version is older, equal, newer.

    Example:
        saltern run '*' pkg.version_cmp '0.2-001' '0.2.0.1-002'
    """
    one, other = str(pkg1), str(pkg2)
    if ignore_epoch:
        one, other = versions.split_epoch(one)[1], versions.split_epoch(other)[1]
    return manager(host).compare(one, other)


def normalize_name(host: Host, name: str) -> str:
    """Return a package's name without the host's own architecture.

    Example:
        saltern run '*' pkg.normalize_name zsh:amd64
    """
    native = str(host.grains.get("osarch", ""))
    return name.removesuffix(f":{native}").removesuffix(f".{native}") if native else name


def parse_arch(host: Host, name: str) -> dict[str, str | None]:
    """Return a package's name and the architecture written with it, ``{name, arch}``.

    Example:
        saltern run '*' pkg.parse_arch zsh:arm64
    """
    plain, colon, architecture = name.partition(":")
    return {"name": plain, "arch": architecture if colon else None}


def _one_or_all(names: tuple[str, ...], found: Mapping[str, Any]) -> Any:
    if not names:
        raise BadArgument("name at least one")
    return found[names[0]] if len(names) == 1 else dict(found)
