"""Real hosts for the tests of this folder: one lab for each worker's whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from saltern.foundation.errors import Unavailable
from saltern.testing.lab import Lab, LabHost, why_not


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A network for hosts, made when first asked for."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    made = None
    try:
        made = Lab().__enter__()
        made.host("probe").kill()
    except Unavailable as error:
        if made is not None:
            made.down()
        pytest.skip(f"no lab hosts here: {error}")
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def host_of(lab: Lab) -> Callable[[str], LabHost]:
    """Return a host by a name, the same for the same name: what it is like is up to who uses it."""
    hosts: dict[str, LabHost] = {}

    def find(name: str) -> LabHost:
        if name not in hosts:
            hosts[name] = lab.host(name)
        return hosts[name]

    return find


@pytest.fixture(autouse=True)
def _say_that_it_was_real(request: pytest.FixtureRequest, record_property: Callable[..., None]) -> None:
    """Note for the summary of the run (see tests/conftest.py) what this test ran on."""
    if "lab" in request.fixturenames:
        record_property("real_host", request.getfixturevalue("lab").what)
