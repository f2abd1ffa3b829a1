"""Functions about former contents that ``backup: minion`` keeps, and about hashes of sources."""

from __future__ import annotations

import datetime
import posixpath
from typing import Any

from saltern.library.file import origin, place
from saltern.sdk import BadArgument, Host, NotFound

_STAMP = "%a_%b_%d_%H:%M:%S_%f_%Y"


def list_backups(host: Host, path: str, limit: int | None = None) -> dict[int, dict[str, Any]]:
    """Return what is kept of a file, the latest first: ``{number: {Backup Time, Location, Size}}``.

    Example:
        saltern run '*' file.list_backups /etc/motd
    """
    folder, name = posixpath.split(f"{place.backups(host)}{place.absolute(path)}")
    found = []
    for one in host.list_directory(folder) if host.exists(folder) else ():
        moment = _moment(one.removeprefix(f"{name}_")) if one.startswith(f"{name}_") else None
        if moment is not None:
            location = f"{folder}/{one}"
            size = place.stat_of(host, location).size
            shown = moment.strftime("%a %b %d %Y %H:%M:%S.%f")
            found.append((moment, {"Backup Time": shown, "Size": size, "Location": location}))
    latest = sorted(found, key=lambda pair: pair[0], reverse=True)[:limit]
    return {number: entry for number, (_, entry) in enumerate(latest)}


def _moment(stamp: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(stamp, _STAMP)  # noqa: DTZ007  only compared
    except ValueError:
        return None


def list_backups_dir(host: Host, path: str, limit: int | None = None) -> dict[str, dict[int, dict[str, Any]]]:
    """Return the former contents kept of the files of a directory, by the files' names.

    Example:
        saltern run '*' file.list_backups_dir /etc/ssh
    """
    folder = f"{place.backups(host)}{place.absolute(path)}"
    names = {one.rsplit("_", 6)[0] for one in host.list_directory(folder)} if host.exists(folder) else set()
    found = {name: list_backups(host, f"{path}/{name}", limit) for name in sorted(names)}
    return {name: kept for name, kept in found.items() if kept}


def restore_backup(host: Host, path: str, backup_id: int) -> dict[str, Any]:
    """Bring a former content back, by its number in ``file.list_backups``; what is there now is kept first.

    Example:
        saltern run '*' file.restore_backup /etc/motd 0
    """
    location = _chosen(host, path, backup_id)["Location"]
    there, target = place.stat_of(host, location), place.followed(host, place.absolute(path))
    content = host.read(location)
    place.back_up(host, target, "minion")
    host.write(target, content, there.mode, place.Wanted(there.uid, there.gid).owner(host, None))
    return {"result": True, "comment": f"Successfully restored {location} to {path}"}


def delete_backup(host: Host, path: str, backup_id: int) -> dict[str, Any]:
    """Remove a former content, by its number in ``file.list_backups``.

    Example:
        saltern run '*' file.delete_backup /etc/motd 0
    """
    location = _chosen(host, path, backup_id)["Location"]
    host.remove(location)
    return {"result": True, "comment": f"Successfully removed {location}"}


def _chosen(host: Host, path: str, backup_id: int) -> dict[str, Any]:
    found = list_backups(host, path)
    if backup_id not in found:
        raise NotFound(f"there is no backup {backup_id} of {path}", hint="file.list_backups shows them")
    return found[backup_id]


# --- sources ---------------------------------------------------------------------------------------------


def extract_hash(
    host: Host,
    hash_fn: str,
    hash_type: str = "sha256",
    file_name: str = "",
    source: str = "",
    source_hash_name: str | None = None,
) -> dict[str, str] | None:
    """Return ``{hsum, hash_type}`` that a file of hashes has for a name; null when it has none.

    Example:
        saltern run '*' file.extract_hash /root/SHA256SUMS file_name=app.tar.gz
    """
    names = [source_hash_name] if source_hash_name else [file_name, source]
    found = origin.extracted(place.decoded(host.read(hash_fn)), [one for one in names if one])
    return None if found is None else {"hsum": found.digits, "hash_type": found.kind}


def get_source_sum(
    host: Host,
    file_name: str = "",
    source: str = "",
    source_hash: str | None = None,
    source_hash_name: str | None = None,
    saltenv: str = "base",
    verify_ssl: bool = True,
) -> dict[str, str]:
    """Return ``{hsum, hash_type}`` that a ``source_hash`` means for a source. Raises BadArgument, NotFound.

    Example:
        saltern run '*' file.get_source_sum /a source=https://h/a source_hash=d41d8cd98f00b204e9800998ecf8427e
    """
    if not source_hash:
        raise BadArgument("source_hash is missing")
    how = origin.Fetching(name=file_name, source_hash_name=source_hash_name, verify_ssl=verify_ssl)
    found = origin.expected(host, source, source_hash, how)
    if found is None:
        raise BadArgument(f"source_hash = {source_hash!r} is no hash")
    return {"hsum": found.digits, "hash_type": found.kind}


def source_list(
    host: Host, source: str | list[str | dict[str, str | None]], source_hash: str = "", saltenv: str = "base"
) -> list[str]:
    """Return the first of some sources that is there, and the hash written for it. Raises NotFound.

    Example:
        saltern run '*' file.source_list '[salt://web1/httpd.conf, salt://httpd.conf]'
    """
    for url, digest in origin.pairs(source, source_hash):
        if origin.fetched(host, url) is not None:
            return [url, digest]
    raise NotFound("none of the sources is there")
