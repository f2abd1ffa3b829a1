"""Packages of the operating system: what is installed, what could be, and changing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from saltern.library.pkg import versions
from saltern.library.pkg.choice import Packages, Rules, Version, exact, wishes
from saltern.library.pkg.fetch import fetched
from saltern.library.pkg.fetch import sources as named_sources
from saltern.library.pkg.manager import Differences, Options, Wish, as_given, differences
from saltern.library.pkg.providers import found, manager
from saltern.sdk import BadArgument, Host, NotFound

ALIASES = {"available_version": "latest_version", "delete": "remove", "list_holds": "held"}

_DROP = "/var/cache/saltern/packages"


def unavailable(host: Host) -> str:
    """Return why there are no packages here."""
    return "" if found(host) else "no package manager that is known is on this host"


# --- what is there ----------------------------------------------------------------------------------------


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


# --- what could be ----------------------------------------------------------------------------------------


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


# --- changing it ------------------------------------------------------------------------------------------


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


# --- groups -----------------------------------------------------------------------------------------------


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


# --- repositories -----------------------------------------------------------------------------------------


def list_repos(host: Host) -> dict[str, Any]:
    """Return the repositories: for apt ``{uri: [{type, dist …}]}``, else ``{id: {option: value}}``.

    Example:
        saltern run '*' pkg.list_repos
    """
    from saltern.library.pkg.repositories import aptlists, ini

    kind = manager(host).name
    if kind == "apt":
        by_uri: dict[str, Any] = {}
        for path, entry in aptlists.entries(host):
            by_uri.setdefault(entry.uri, []).append(aptlists.shown(path, entry))
        return by_uri
    folder = _folder(kind)
    return {name: {**options, "file": path} for path, name, options in ini.repositories(host, folder)}


def get_repo(host: Host, repo: str) -> dict[str, Any]:
    """Return one repository, by its line or its id; nothing when it is not there.

    Example:
        saltern run '*' pkg.get_repo 'deb https://deb.debian.org/debian bookworm main'
    """
    from saltern.library.pkg.repositories import aptlists, entry

    if manager(host).name != "apt":
        there: dict[str, Any] = list_repos(host).get(repo, {})
        return there
    same = aptlists.find(host, entry.required(repo))
    return aptlists.shown(*same) if same else {}


def del_repo(host: Host, repo: str, refresh: bool = True) -> str:
    """Take a repository out of the lists; a file with nothing left in it is removed. Raises NotFound.

    Example:
        saltern run '*' pkg.del_repo 'deb https://example.com/debian bookworm main'
    """
    from saltern.library.pkg.repositories import aptlists, entry, ini

    kind = manager(host).name
    there = get_repo(host, repo)
    if not there:
        raise NotFound(f"no repository {repo!r}", hint="pkg.list_repos shows them")
    path = there["file"]
    if kind == "apt":
        left = aptlists.without(path, host.text(path), entry.required(repo))
    else:
        left = ini.without_section(host.text(path), repo)
    if left or path == aptlists.MAIN:
        host.write(path, left.encode())
    else:
        host.remove(path)
    if refresh:
        manager(host).refresh()
    return f"Repo '{repo}' has been removed from {path}"


def mod_repo(
    host: Host,
    repo: str,
    file: str = "",
    options: dict[str, Any] | None = None,
    enabled: bool = True,
    refresh: bool = True,
) -> dict[str, Any]:
    """Put a repository into the lists, or change the one that is there, and return it.

    ``options`` are apt's (``arch``, ``signed-by``) or those of a section (``baseurl``, ``gpgkey`` …).

    Example:
        saltern run 'G@os_family:RedHat' pkg.mod_repo x options='{baseurl: https://example.com/x}'
    """
    from saltern.library.pkg.repositories import aptlists, entry, ini

    kind = manager(host).name
    given = {name: str(value) for name, value in (options or {}).items()}
    there = get_repo(host, repo)
    if kind == "apt":
        wanted = msgspec.structs.replace(entry.required(repo).with_options(**given), disabled=not enabled)
        path = there.get("file") or file or aptlists.MAIN
        text = aptlists.with_entry(path, host.text(path, ""), wanted)
    else:
        path = there.pop("file", "") or file or f"{_folder(kind)}/{repo}.repo"
        section = {"name": repo, **there, **given, "enabled": str(int(enabled))}
        text = ini.with_section(host.text(path, ""), repo, section)
    host.write(path, text.encode())
    if refresh:
        manager(host).refresh()
    return get_repo(host, repo)


def _folder(kind: str) -> str:
    from saltern.library.pkg.repositories import ini

    return ini.ZYPP if kind == "zypper" else ini.YUM


# --- shared -----------------------------------------------------------------------------------------------


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


def _one_or_all(names: tuple[str, ...], found: Mapping[str, Any]) -> Any:
    if not names:
        raise BadArgument("name at least one")
    return found[names[0]] if len(names) == 1 else dict(found)
