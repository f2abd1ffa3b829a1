"""What ``import`` means in a module of the file roots: ``salt`` is ours, relative names are siblings."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from saltern.engine.legacy import compat
from saltern.engine.legacy.scope import call_function as _call
from saltern.engine.legacy.scope import moment

#: Returns the module of a dotted name below the importing module's directory; None when there is none.
Sibling = Callable[[str], ModuleType | None]

#: Files of Salt whose functions go by another name.
_NOUNS: Mapping[str, str] = {
    "aptpkg": "pkg",
    "cmdmod": "cmd",
    "configmod": "config",
    "dpkg_lowpkg": "lowpkg",
    "groupadd": "group",
    "linux_service": "service",
    "linux_shadow": "shadow",
    "linux_sysctl": "sysctl",
    "systemd_service": "service",
    "useradd": "user",
    "yumpkg": "pkg",
    "zypperpkg": "pkg",
}


class Forward(ModuleType):
    """``salt.modules`` or ``salt.states``: its modules are our nouns, whose functions are called by name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _ForwardedNoun(f"{self.__name__}.{name}", self.__name__ == "salt.states")


class _ForwardedNoun(ModuleType):
    def __init__(self, name: str, is_state: bool) -> None:
        super().__init__(name)
        self._is_state = is_state

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        file = self.__name__.rpartition(".")[2]
        fun = f"{_NOUNS.get(file, file)}.{name.strip('_').removesuffix('_quiet')}"
        if self._is_state or not moment().host.supply.has(fun):
            raise AttributeError(f"{self.__name__}.{name} is not there: use __salt__ or __states__ instead")
        return lambda *args, **kwargs: _call(fun, args, kwargs)


for _name in ("modules", "states"):
    setattr(compat, _name, Forward(f"salt.{_name}"))


def importer(sibling: Sibling) -> Callable[..., ModuleType]:
    """Return what takes the place of ``__import__``."""

    def import_(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            return _relative(sibling, name, fromlist or ())
        if name == "salt" or name.startswith("salt."):
            return _salt(name, fromlist or ())
        return builtins.__import__(name, globals, locals, fromlist or (), 0)

    return import_


def _relative(sibling: Sibling, name: str, fromlist: Sequence[str]) -> ModuleType:
    """Return the module ``name`` beside the importing one; without a name, one that holds those asked for."""
    if name:
        found = sibling(name)
        if found is None:
            raise ModuleNotFoundError(f"there is no module {name!r} beside this one", name=name)
        return found
    holder = sibling("")
    holder = ModuleType("siblings") if holder is None else holder
    for one in fromlist:
        if not hasattr(holder, one):
            beside = sibling(one)
            if beside is None:
                raise ImportError(f"there is no module {one!r} beside this one", name=one)
            setattr(holder, one, beside)
    return holder


def _salt(name: str, fromlist: Sequence[str]) -> ModuleType:
    found = _found(name)
    if not fromlist:
        return compat
    for one in fromlist:
        if one != "*" and not hasattr(found, one):
            _found(f"{name}.{one}")
    return found


def _found(name: str) -> ModuleType:
    """Return what stands for a module of Salt. Raises ModuleNotFoundError that names it."""
    found: Any = compat
    for part in name.split(".")[1:]:
        found = getattr(found, part) if hasattr(found, part) else _imported(found, part)
        if found is None:
            raise ModuleNotFoundError(f"{name} is not provided for Salt modules here", name=name)
    return found  # type: ignore[no-any-return]


def _imported(package: ModuleType, name: str) -> ModuleType | None:
    if not package.__name__.startswith(compat.__name__):
        return None
    full = f"{package.__name__}.{name}"
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name not in (full, package.__name__):
            raise
        return None
