"""A swarm on a real controller: its agents are agents like all others."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from saltern.identity import tokens
from saltern.model.status import Status
from saltern.testing.site import Site
from saltern.testing.swarm import Swarm
from saltern.transport.connection import Endpoint

pytestmark = pytest.mark.integration

COUNT = 12


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site without agents."""
    with Site(tmp_path_factory.mktemp("swarm")) as made:
        yield made


@pytest.fixture(scope="module")
def swarm(site: Site) -> Iterator[Swarm]:
    """Agents that have joined by a token."""
    text = site.token(uses=COUNT, ttl=600.0).text
    token = tokens.read(text)
    names = [f"swarm-{number}" for number in range(COUNT)]
    with Swarm(Endpoint(token.urls, token.ca, token.host), token=text, enrol=names) as made:
        made.wait("ready", COUNT)
        yield made


def test_all_of_it_answers(site: Site, swarm: Swarm) -> None:
    outcome = site.run("swarm-*", "test.ping")
    assert set(outcome.statuses().values()) == {Status.OK}
    assert len(outcome.statuses()) == COUNT


def test_arguments_and_failures_are_told(site: Site, swarm: Swarm) -> None:
    assert site.run("swarm-1", "test.echo", "hello").value("swarm-1") == "hello"
    assert site.run("swarm-1", "no.such").statuses() == {"swarm-1": Status.FAILED}


def test_it_comes_back_when_the_broker_was_killed(site: Site, swarm: Swarm) -> None:
    welcomed = swarm.counts()["welcomed"]
    os.kill(site.broker, signal.SIGKILL)
    swarm.wait("welcomed", welcomed + COUNT)
    assert set(site.run("swarm-*", "test.ping").statuses().values()) == {Status.OK}


def test_it_comes_back_when_its_network_was_gone(site: Site, swarm: Swarm) -> None:
    welcomed = swarm.counts()["welcomed"]
    swarm.drop()
    swarm.wait("welcomed", welcomed + COUNT)
    assert set(site.run("swarm-*", "test.ping").statuses().values()) == {Status.OK}
