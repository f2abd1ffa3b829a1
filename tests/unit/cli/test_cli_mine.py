"""``saltern mine``, against a fake controller."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from saltern.cli.exit_codes import ExitCode
from saltern.testing.controller import FakeController, agent_key

Saltern = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("api")


@pytest.fixture(autouse=True)
def mined(controller: FakeController) -> None:
    controller.mine[agent_key("web1")] = {"test.ping": True, "address": ["10.0.0.1"]}
    controller.mine[agent_key("db1")] = {"address": ["10.0.0.9\x1b[2J"]}


def test_list(saltern: Saltern) -> None:
    done = saltern("mine", "list", "web*")
    assert done.code == ExitCode.OK
    assert [line.split()[:2] for line in done.out.splitlines()[1:]] == [
        ["web1", "test.ping"],
        ["web1", "address"],
    ]
    lines = saltern("mine", "list", "--json").out.splitlines()
    assert {json.loads(line)["name"] for line in lines} == {"web1", "db1"}
    assert saltern("mine", "list", "web3").code == ExitCode.NOBODY


def test_get(saltern: Saltern) -> None:
    found = saltern("mine", "get", "*", "address", "--json")
    assert json.loads(found.out) == {"address": {"web1": ["10.0.0.1"], "db1": ["10.0.0.9\x1b[2J"]}}
    shown = saltern("mine", "get", "*", "address")
    assert "10.0.0.1" in shown.out
    assert "\x1b" not in shown.out
    assert saltern("mine", "get", "*", "nothing").code == ExitCode.NOBODY


def test_delete(saltern: Saltern, controller: FakeController) -> None:
    assert saltern("mine", "delete", "web1", "address").out == "deleted from the mine: 1 item\n"
    assert controller.mine[agent_key("web1")] == {"test.ping": True}
    assert json.loads(saltern("mine", "delete", "*", "--json").out) == {"deleted": 2}
    assert not any(controller.mine.values())


def test_delete_of_nobody_deletes_nothing(saltern: Saltern, controller: FakeController) -> None:
    done = saltern("mine", "delete", "nobody*")
    assert done.code != ExitCode.OK
    assert "nobody*" in done.err
    assert controller.decisions == []
