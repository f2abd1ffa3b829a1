"""``saltern pillar``, and the API behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from saltern.cli.exit_codes import ExitCode
from saltern.foundation.errors import Conflict
from saltern.sdk.secret import Secret
from saltern.testing.served import Served

Saltern = Callable[..., Any]


def test_a_pillar_is_shown_with_masks(saltern: Saltern, api: Served) -> None:
    api.controller.pillars["web1"] = {"db": {"password": Secret("hunter2"), "port": 5432}}
    done = saltern("pillar", "show", "web1")
    assert done.code == ExitCode.OK
    assert "5432" in done.out
    assert "****" in done.out
    assert "hunter2" not in done.out
    shown = saltern("pillar", "show", "web1", "--unmask", "--json")
    assert json.loads(shown.out) == {"db": {"password": "hunter2", "port": 5432}}


def test_one_that_does_not_render_is_an_error(saltern: Saltern, api: Served) -> None:
    api.controller.pillars["web1"] = Conflict("a.sls:1: it is wrong", hint="mend it")
    done = saltern("pillar", "show", "web1")
    assert done.code != ExitCode.OK
    assert "a.sls:1: it is wrong" in done.err
    assert "mend it" in done.err


@pytest.mark.usefixtures("api")
def test_nobody_of_that_name(saltern: Saltern) -> None:
    done = saltern("pillar", "show", "web1x")
    assert done.code != ExitCode.OK
    assert "there is no agent 'web1x'" in done.err


@pytest.mark.usefixtures("api")
def test_show_top_tells_which_grains_were_not_believed(saltern: Saltern) -> None:
    done = saltern("pillar", "show-top", "web1")
    assert done.out.split() == ["base:", "-", "all"]
    assert "roles" in done.err
    assert "--grain" in done.err


def test_check_tells_equal_errors_once(saltern: Saltern, api: Served) -> None:
    error = Conflict("a.sls:1: it is wrong", hint="mend it")
    assert saltern("pillar", "check").code == ExitCode.OK
    api.controller.pillars |= {"web1": error, "web2": error}
    done = saltern("pillar", "check")
    assert done.code == ExitCode.FAILED
    assert done.out.count("it is wrong") == 1
    assert "web[1-2]" in done.out
    checks = [json.loads(line) for line in saltern("pillar", "check", "web*", "--json").out.splitlines()]
    assert {check["name"]: check["ok"] for check in checks} == {"web1": False, "web2": False, "web3": True}
    assert saltern("pillar", "check", "nobody").code != ExitCode.OK
