"""What the agent keeps of the file roots' code: what was there last, and the grains' code for its own use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from saltern.engine.legacy.collection import Collection
from saltern.engine.legacy.functions import offered
from saltern.engine.legacy.sources import DIRECTORIES
from saltern.sdk import Host, NotFound

#: The kinds that the agent works with where there are no file roots: when it collects its grains.
_KEPT = ("grains", "utils")


class Known(msgspec.Struct, frozen=True):
    """What was found last: files by kind, with the SHA-256 of each, and the names of its nouns."""

    files: dict[str, dict[str, str]] = {}
    nouns: list[str] = []


def directory(host: Host) -> str:
    """Return where it is kept; the copies lie there as in a file root."""
    return f"{host.data}/code"


def known(data: str) -> Known:
    """Return what the record in the directory ``data`` of this machine says."""
    try:
        with open(f"{data}/code/known.json", "rb") as file:
            return _read(file.read())
    except OSError:
        return Known()


def _read(data: bytes) -> Known:
    try:
        return msgspec.json.decode(data, type=Known)
    except msgspec.DecodeError:  # a record of another version, or a damaged one: all is new again
        return Known()


def sync(host: Host, code: Collection, kinds: Sequence[str] = ()) -> dict[str, list[str]]:
    """Note what code there is, of some kinds or of all; return by kind what is new or has changed.

    Names are Salt's: ``modules.web``. Raises SalternError when a file can't be had or kept.
    """
    before = _noted(host)
    wanted = kinds or tuple(DIRECTORIES)
    now = {kind: {name: _digest(data) for name, (_, data) in code.contents(kind).items()} for kind in wanted}
    files = {kind: held for kind, held in {**before.files, **now}.items() if held}
    if any(files.get(kind, {}) != before.files.get(kind, {}) for kind in _KEPT):
        _copy(host, code)
    nouns = code.nouns("modules") if "modules" in wanted else before.nouns
    if Known(files, nouns) != before:
        _write(host, f"{directory(host)}/known.json", msgspec.json.encode(Known(files, nouns)))
    return {kind: _new(kind, now[kind], before.files.get(kind, {})) for kind in wanted}


def _noted(host: Host) -> Known:
    try:
        return _read(host.read(f"{directory(host)}/known.json"))
    except NotFound:
        return Known()


def _new(kind: str, now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    return sorted(f"{kind}.{name}" for name, digest in now.items() if before.get(name) != digest)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _copy(host: Host, code: Collection) -> None:
    """Make the copies what the file roots have."""
    for kind in _KEPT:
        place = f"{directory(host)}/{DIRECTORIES[kind]}"
        if host.exists(place):
            host.remove_tree(place)
        for path, data in code.contents(kind).values():
            _write(host, f"{directory(host)}/{path}", data)


def _write(host: Host, path: str, data: bytes) -> None:
    host.make_directory(path.rpartition("/")[0], 0o700)
    host.write(path, data, mode=0o600)


def collectors(code: Collection, grains: Mapping[str, Any]) -> list[tuple[str, Callable[[Host], Any]]]:
    """Return what collects the grains of the file roots: name, with the file, and function.

    ``grains`` are those known already, for functions that take them.
    """
    found: list[tuple[str, Callable[[Host], Any]]] = []
    for loaded in code.modules("grains"):
        for name, function in offered(loaded.module):
            found.append((f"{loaded.shown}:{name}", _collector(code, function, grains)))
    return found


def _collector(
    code: Collection, function: Callable[..., Any], grains: Mapping[str, Any]
) -> Callable[[Host], Any]:
    import inspect

    names = inspect.signature(function).parameters

    def collect(host: Host) -> Any:
        given: dict[str, Any] = {"grains": dict(grains), "host": host}
        with code.entered(host):
            return function(**{name: value for name, value in given.items() if name in names})

    return collect
