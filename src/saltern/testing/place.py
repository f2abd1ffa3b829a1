"""A directory that a case is run in: laid out before, looked at after. Standard library only.

(The differential harness reads this file in Salt's interpreter, where nothing of Saltern is.)
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Stands for the directory in texts that go in and come out.
PLACE = "PLACE"


def lay_out(disk: Mapping[str, Any], place: Path) -> None:
    """Make ``place`` and what is in it: text, ``{link: …}``, ``{directory: mode}``, ``{mode, content}``."""
    place.mkdir(parents=True)
    place.chmod(0o755)
    for path, given in disk.items():
        _put(place / path, {"content": given} if isinstance(given, str) else given)


def _put(path: Path, given: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "link" in given:
        path.symlink_to(given["link"])
    elif "directory" in given:
        path.mkdir(exist_ok=True)
        path.chmod(int(str(given["directory"]), 8))
    else:
        path.write_text(given["content"])
        path.chmod(int(str(given.get("mode", "0644")), 8))


def lay_down(texts: Mapping[str, str], root: Path, place: Path) -> None:
    """Write a tree's files below ``root``, about ``place``."""
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text.replace(PLACE, str(place)))


def shown(result: Mapping[str, Any], key: str, place: Path) -> dict[str, Any]:
    """Return what of a result counts: its state, what became of it, the names of what changed."""
    module, id, _, function = key.split("_|-")
    changes = result["changes"]
    found = {
        "state": f"{module}.{function} {_here(id, place)}",
        "result": result["result"],
        "changes": sorted(_here(str(name), place) for name in changes)
        if isinstance(changes, dict)
        else changes,
    }
    if result.get("__state_ran__") is False:
        found["ran"] = False
    return found


def disk(place: Path) -> dict[str, Any]:
    """Return all that lies below a directory: kind, mode, content or target, by path."""
    found: dict[str, Any] = {}
    for folder, directories, files in os.walk(place):
        for name in [*directories, *files]:
            path = Path(folder, name)
            found[str(path.relative_to(place))] = _thing(path, place)
    return dict(sorted(found.items()))


def _thing(path: Path, place: Path) -> str:
    there = path.lstat()
    mode = f"{stat.S_IMODE(there.st_mode):04o}"
    if stat.S_ISLNK(there.st_mode):
        return f"link to {_here(str(path.readlink()), place)}"
    if stat.S_ISDIR(there.st_mode):
        return f"directory {mode}"
    if not stat.S_ISREG(there.st_mode):
        return f"{stat.S_IFMT(there.st_mode):o} {mode}"
    return f"{mode} {_here(path.read_bytes().decode('latin-1'), place)}"


def _here(text: str, place: Path) -> str:
    return text.replace(str(place), PLACE)
