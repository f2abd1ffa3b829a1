"""Where collectors come from: our own, installed distributions', and users' files."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from saltern.grains import collectors
from saltern.sdk import Host

#: The entry-point group of distributions that bring collectors: ``name = module:function``.
GROUP = "saltern.grains"


class Collector(NamedTuple):
    """A function that learns something of a host. ``name`` says whose it is, in errors."""

    name: str
    collect: Callable[[Host], Any]


@functools.cache
def built_in() -> list[Collector]:
    """Return our own collectors."""
    names = [entry.name for entry in pkgutil.iter_modules(collectors.__path__)]
    return [_built_in(name) for name in names]


def _built_in(name: str) -> Collector:
    return Collector(name, importlib.import_module(f"{collectors.__name__}.{name}").collect)


def installed(errors: dict[str, str]) -> list[Collector]:
    """Return the collectors of installed distributions; note in ``errors`` those that can't be loaded."""
    from importlib import metadata

    found = []
    for entry in metadata.entry_points(group=GROUP):
        try:
            found.append(Collector(entry.name, entry.load()))
        except Exception as error:  # a stranger's module runs here
            errors[entry.name] = f"{type(error).__name__}: {error}"
    return found


def from_directories(directories: Sequence[str], errors: dict[str, str]) -> list[Collector]:
    """Return the collectors in the ``.py`` files of some directories, in the order of their names.

    Every public function a file defines is one. It is called with ``host`` when that is what its first
    parameter is called, else with nothing.
    """
    found: list[Collector] = []
    for path in sorted(path for directory in directories for path in Path(directory).glob("*.py")):
        try:
            found += _functions(path, _load(path))
        except Exception as error:  # a stranger's module runs here
            errors[str(path)] = f"{type(error).__name__}: {error}"
    return found


def _load(path: Path) -> ModuleType:
    name = f"saltern_custom_grains_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _functions(path: Path, module: ModuleType) -> Iterator[Collector]:
    for name, value in vars(module).items():
        is_own = inspect.isfunction(value) and value.__module__ == module.__name__
        if is_own and not name.startswith("_"):
            yield Collector(f"{path}:{name}", _adapt(value))


def _adapt(function: Callable[..., Any]) -> Callable[[Host], Any]:
    parameters = list(inspect.signature(function).parameters)
    return function if parameters[:1] == ["host"] else lambda host: function()
