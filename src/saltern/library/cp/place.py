"""Where a file that was brought here goes, and how it gets there."""

from __future__ import annotations

import posixpath

from saltern.sdk import BadArgument, Host, NotFound
from saltern.sdk.supply import CachedFile

#: Bytes of a file that are held in memory to be written; a larger one is copied by ``cp``.
_HELD = 8 * 1024 * 1024


def target(host: Host, dest: str, path: str, makedirs: bool) -> str:
    """Return the file to write: in a directory it gets the name it had. Raises NotFound, BadArgument."""
    if not dest.startswith("/"):
        raise BadArgument(f"dest = {dest!r} is no absolute path")
    found = host.stat(dest)
    if dest.endswith("/") or (found is not None and found.kind == "directory"):
        dest = posixpath.join(dest, posixpath.basename(path.partition("?")[0]))
    require_directory(host, posixpath.dirname(dest), makedirs)
    return dest


def require_directory(host: Host, path: str, makedirs: bool) -> None:
    """See that a directory is there; only with ``makedirs`` is it made. Raises NotFound."""
    if host.exists(path):
        return
    if not makedirs:
        raise NotFound(f"there is no directory {path}", hint="makedirs=True makes it")
    host.make_directory(path)


def copy(host: Host, found: CachedFile, dest: str, mode: int | None = None) -> None:
    """Copy a cached file in one step; it gets ``mode``, else that of the file it replaces, else 0644."""
    if found.size <= _HELD:
        host.write(dest, host.read(found.path), mode)
        return
    beside = f"{posixpath.dirname(dest)}/.{posixpath.basename(dest)[:200]}.{found.sha256[:12]}"
    before = host.stat(dest)
    try:
        host.run("cp", "--reflink=auto", "--", found.path, beside, timeout=None)
        host.set_mode(beside, mode if mode is not None else before.mode if before else 0o644)
        if before:
            host.set_owner(beside, before.uid, before.gid)
        host.rename(beside, dest)
    finally:
        host.remove(beside)
