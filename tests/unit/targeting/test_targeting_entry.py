"""The package's front door."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import saltern.targeting

FOLDING = "import sys; from saltern.targeting import fold; print(fold(['a1', 'a2'])); print(*sys.modules)"


def test_all_that_is_promised_is_there() -> None:
    assert set(saltern.targeting.__all__) == set(saltern.targeting._HOMES)
    for name, home in saltern.targeting._HOMES.items():
        assert name not in saltern.targeting._HOMES.values(), "a module of that name would hide it"
        assert getattr(saltern.targeting, name) is getattr(import_module(f"saltern.targeting.{home}"), name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        saltern.targeting.nothing  # noqa: B018


def test_folding_loads_little() -> None:
    done = subprocess.run([sys.executable, "-c", FOLDING], capture_output=True, text=True, check=True)
    folded, modules = done.stdout.splitlines()
    assert folded == "a[1-2]"
    assert not {"msgspec", "saltern.targeting.index", "yaml", "re2"} & set(modules.split())
