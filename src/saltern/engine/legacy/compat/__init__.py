"""What Salt modules import from ``salt``, as far as they commonly do. Written anew; the names are Salt's."""

from __future__ import annotations

import importlib
from typing import Any

#: What modules compare versions with.
__version__ = "3008.0"


def __getattr__(name: str) -> Any:
    """Return a module below, which Salt's own imports would have loaded long before."""
    return below(__name__, name)


def below(package: str, name: str) -> Any:
    """Return the module ``name`` of a package. Raises AttributeError that names what is missing."""
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.{name}":
            raise
    shown = f"{package}.{name}".replace(__name__, "salt", 1)
    raise AttributeError(f"{shown} is not provided for Salt modules here")
