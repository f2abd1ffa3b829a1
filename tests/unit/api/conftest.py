"""A served fake controller, and ways to ask it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from saltern.api.limits import Limits
from saltern.testing.controller import FakeController
from saltern.testing.served import Served, served


@pytest.fixture
def controller() -> FakeController:
    """A fleet of three web servers and a database that is away."""
    fake = FakeController()
    fake.add("web1", "web2", "web3")
    fake.add("db1", online=False)
    return fake


@pytest.fixture
def limits() -> Limits:
    """Limits of the server under test; tests override this."""
    return Limits()


@pytest.fixture
def api(controller: FakeController, limits: Limits, tmp_path: Path) -> Iterator[Served]:
    """The API on a socket."""
    with served(controller, tmp_path / "api.sock", limits) as thing:
        yield thing


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a condition that another thread makes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.005)


@pytest.fixture
def wait() -> Callable[..., None]:
    """``wait_until``, as tests take it."""
    return wait_until
