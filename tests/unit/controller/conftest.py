"""Fresh databases of each kind, and a loop to use them on, for the tests that ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from saltern.controller.store import Store
from saltern.testing.postgresql import PostgreSQL, postgresql

T = TypeVar("T")

__all__ = ["postgresql"]


class Run(Protocol):
    def __call__(self, what: Coroutine[Any, Any, T], /) -> T: ...


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/store.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.address()


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def store(address: str, tmp_path: Path, run: Run) -> Iterator[Store]:
    opened = run(Store.open(address, anchor=tmp_path / "anchor"))
    yield opened
    run(opened.close())
