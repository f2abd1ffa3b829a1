"""``file_tree``: each file below ``hosts/NAME`` and ``nodegroups/GROUP`` is a key, its content the value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from saltern.controller.pillar.sources.options import BadData
from saltern.controller.pillar.sources.registry import Ask, Asking, Place
from saltern.engine.pillar import laid_over
from saltern.foundation.errors import SettingsError
from saltern.foundation.settings import read_options
from saltern.sls.matching import Matcher
from saltern.sls.tree import LocalTree


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``keep_newline`` leaves the line break at the end of each file (or of those that globs name)."""

    root_dir: str
    keep_newline: bool | list[str] = False


def make(options: Any, place: Place) -> Ask:
    """Return the source. Raises SettingsError."""
    own = read_options({"root_dir": options} if isinstance(options, str) else options, Options)
    if not own.root_dir.startswith("/"):
        raise SettingsError(f"root_dir: {own.root_dir!r} is not an absolute path")

    def ask(asking: Asking, name: str, pillar: Mapping[str, Any]) -> Mapping[str, Any]:
        if not Path(own.root_dir).is_dir():
            raise BadData(f"the directory {own.root_dir} is not there")
        files = _Files(own)
        found: dict[str, Any] = {}
        matcher = Matcher(asking.world)
        for group in files.below("nodegroups"):
            if matcher.matches(group, "nodegroup"):
                found = laid_over(found, files.data(f"nodegroups/{group}"))
        return laid_over(found, files.data(f"hosts/{name}"))

    return ask


class _Files:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._tree = LocalTree({"base": [options.root_dir]})
        self._paths = self._tree.files("base")

    def below(self, directory: str) -> list[str]:
        """Return the names of the directories in a directory."""
        parts = [path.split("/") for path in self._paths if path.startswith(f"{directory}/")]
        return sorted({one[1] for one in parts if len(one) > 2})

    def data(self, directory: str) -> dict[str, Any]:
        """Return the files below a directory as nested data."""
        found: dict[str, Any] = {}
        for path in self._paths:
            if path.startswith(f"{directory}/"):
                *parents, name = path[len(directory) + 1 :].split("/")
                at = found
                for parent in parents:
                    at = at.setdefault(parent, {})
                at[name] = self._content(path)
        return found

    def _content(self, path: str) -> str | bytes:
        source = self._tree.read("base", path)
        data = b"" if source is None else source.data
        if not self._keeps(path) and data.endswith(b"\n"):
            data = data[:-1]
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data

    def _keeps(self, path: str) -> bool:
        from fnmatch import fnmatchcase

        keep = self._options.keep_newline
        if isinstance(keep, bool):
            return keep
        below = path.split("/", 2)[-1]
        return any(fnmatchcase(below, pattern) for pattern in keep)
