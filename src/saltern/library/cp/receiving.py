"""What ``saltern cp`` sends, put where it belongs."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import msgspec

from saltern.library.cp import place
from saltern.sdk import BadArgument, Host, NotSupported
from saltern.sdk.supply import CachedFile


class _Sent(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A file's SHA-256 in hexadecimal, its size in bytes, and its mode; a directory has only the mode."""

    sha256: str
    size: int
    mode: int


def receive(host: Host, dest: str, files: dict[str, Any], makedirs: bool = False) -> dict[str, bool]:
    """Write files that the controllers hold to ``dest``, each in one step; return ``{path: True}``.

    ``files`` is ``{path: [SHA-256, size, mode]}``; a path that ends with a slash is a directory. It is what
    ``saltern cp`` calls; files of the file roots are for ``cp.get_file``.

    Example:
        saltern run '*' cp.receive /srv/empty files='{conf.d/: ["", 0, 493]}'
    """
    if host.agent is None:
        raise NotSupported("there is no agent here to receive files", hint="saltern cp FILE TARGET DEST")
    sent = {path: _sent(path, given) for path, given in files.items()}
    places = _places(host, dest, sent, makedirs)
    contents = {path: one for path, one in sent.items() if not path.endswith("/")}
    fetched = host.agent.fetch([(one.sha256, one.size) for one in contents.values()])
    for path in sorted(set(sent) - set(contents)):
        host.make_directory(places[path], sent[path].mode)
    for (path, one), cached in zip(contents.items(), fetched, strict=True):
        host.make_directory(posixpath.dirname(places[path]))
        place.copy(host, CachedFile(cached, one.sha256, one.size, one.mode), places[path], one.mode)
    return {places[path]: True for path in contents}


def _sent(path: str, given: object) -> _Sent:
    """Return a description, checked. Raises BadArgument."""
    parts = path.removesuffix("/").split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or "\0" in path:
        raise BadArgument(f"{path!r} leaves the directory that files are sent to")
    try:
        found = msgspec.convert(given, _Sent)
    except msgspec.ValidationError as error:
        raise BadArgument(f"files: {path!r}: {error}", hint="[SHA-256, size, mode]") from None
    if found.size < 0 or not 0 <= found.mode <= 0o777:
        raise BadArgument(f"files: {path!r}: no file has size {found.size} and mode {found.mode:o}")
    return found


def _places(host: Host, dest: str, sent: Mapping[str, _Sent], makedirs: bool) -> Mapping[str, str]:
    """Return where each goes. Raises NotFound, BadArgument."""
    if len(sent) == 1 and (only := next(iter(sent))) and "/" not in only:
        return {only: place.target(host, dest, only, makedirs)}
    if not dest.startswith("/"):
        raise BadArgument(f"dest = {dest!r} is no absolute path")
    place.require_directory(host, dest, makedirs)
    return {path: posixpath.join(dest, path.rstrip("/")) for path in sent}
