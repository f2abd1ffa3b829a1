"""The Python files of the file roots that add to the library, as they are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from saltern.sls.tree import LocalTree, Tree

#: Kinds of code as ``saltutil.sync_…`` calls them, and the directories of the file roots that hold them.
DIRECTORIES: Mapping[str, str] = {
    "beacons": "_beacons",
    "clouds": "_clouds",
    "engines": "_engines",
    "executors": "_executors",
    "grains": "_grains",
    "log_handlers": "_log_handlers",
    "matchers": "_matchers",
    "modules": "_modules",
    "output": "_output",
    "pillar": "_pillar",
    "proxymodules": "_proxy",
    "renderers": "_renderers",
    "returners": "_returners",
    "sdb": "_sdb",
    "serializers": "_serializers",
    "states": "_states",
    "thorium": "_thorium",
    "utils": "_utils",
    "wrapper": "_wrapper",
}
_KINDS = {directory: kind for kind, directory in DIRECTORIES.items()}
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class CodeFile(msgspec.Struct, frozen=True):
    """A file of code. ``name`` is dotted, and that of its directory for an ``__init__.py``."""

    kind: str
    name: str
    saltenv: str
    path: str

    @property
    def is_package(self) -> bool:
        """Tell whether it stands for its directory."""
        return self.path.endswith("/__init__.py")


#: Files by kind and name.
Listing = dict[str, dict[str, CodeFile]]


def listed(tree: Tree, saltenvs: Sequence[str]) -> Listing:
    """Return the code of some environments; of several files of one name the first environment's."""
    found: Listing = {}
    for saltenv in saltenvs:
        for path in _paths(tree, saltenv):
            file = _file(saltenv, path)
            if file is not None:
                found.setdefault(file.kind, {}).setdefault(file.name, file)
    return found


def _paths(tree: Tree, saltenv: str) -> Iterator[str]:
    """Give the paths of an environment that may be code; a large directory is not walked for them."""
    if isinstance(tree, LocalTree):
        for directory in _KINDS:
            yield from tree.files_beneath(saltenv, directory)
    else:
        yield from (path for path in tree.files(saltenv) if path.startswith("_"))


def _file(saltenv: str, path: str) -> CodeFile | None:
    directory, _, rest = path.partition("/")
    kind = _KINDS.get(directory)
    if kind is None or not rest.endswith(".py"):
        return None
    parts = rest.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts.pop()
    if not parts or not all(map(_NAME.fullmatch, parts)):
        return None
    return CodeFile(kind, ".".join(parts), saltenv, path)


def nouns_of(name: str, text: str) -> set[str]:
    """Return the names that a module may go by: its file's, and those it may give itself."""
    named = _VIRTUAL_NAME.findall(text)
    for body in _VIRTUAL.findall(text):
        named += _RETURNED.findall(body)
    return {name, *named}


_VIRTUAL_NAME = re.compile(r"""^__virtualname__\s*=\s*['"](\w+)['"]""", re.MULTILINE)
_VIRTUAL = re.compile(r"^def __virtual__\(.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_RETURNED = re.compile(r"""['"]([a-z]\w*)['"]""")
