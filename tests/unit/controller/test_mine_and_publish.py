"""Who may read, and who may publish: decided on what the controllers know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.controller.groups import Groups
from saltern.controller.mine import Readers
from saltern.controller.publish import Policy
from saltern.foundation.errors import NotAllowed, SettingsError
from saltern.identity.authorise import Action, Principal, Role, admit
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey

KEY = AgentKey("UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK")


def readers(tmp_path: Path, **grains: str) -> Readers:
    agent = Agent(
        key=KEY, name="web1", state=KeyState.ACCEPTED, fingerprint="", created=0.0, grains=dict(grains)
    )
    return Readers(agent, Groups({"all_web": "web*"}, tmp_path), 0.0)


@pytest.mark.parametrize(
    ("allow", "kind", "may"),
    [
        ("", "glob", True),
        ("web*", "glob", True),
        ("*", "glob", True),
        ("db*", "glob", False),
        ("web1,db1", "list", True),
        ("web[0-9]", "pcre", True),
        ("all_web", "nodegroup", True),
        ("no_such_group", "nodegroup", False),
        ("role:db", "grain", True),
        ("role:web", "grain", False),
        ("os:Debian", "grain", False),
        ("G@role:db and web*", "compound", True),
        ("not G@role:web", "compound", True),
        ("I@secret:1", "compound", False),
        ("web1 and", "compound", False),
        ("web1", "nonsense", False),
    ],
)
def test_a_reader_is_its_name_and_what_its_token_said(
    tmp_path: Path, allow: str, kind: str, may: bool
) -> None:
    assert readers(tmp_path, role="db").may(allow, kind) is may


def test_an_agent_cannot_be_given_another_name_by_its_token(tmp_path: Path) -> None:
    assert not readers(tmp_path, id="db1").may("id:db1", "grain")


RULES: dict[str, list[str]] = {"web.*": ["test.ping", r"network\..*"], "a|b": ["x|y"]}


@pytest.mark.parametrize(
    ("name", "fun", "allowed"),
    [
        ("web1", "test.ping", True),
        ("web1", "network.ip_addrs", True),
        ("web1", "test.pings", False),
        ("web1", "xtest.ping", False),
        ("xweb1", "test.ping", False),
        ("web1", "cmd.run", False),
        ("a", "y", True),
        ("ab", "x", False),
        ("a", "xy", False),
        ("web1", "test.ping\n", False),
        ("web1\n", "test.ping", False),
        ("", "", False),
    ],
)
def test_patterns_match_whole_names(name: str, fun: str, allowed: bool) -> None:
    assert Policy(RULES).allows(name, fun) is allowed


@given(st.text(), st.text())
def test_nobody_publishes_anything_by_default(name: str, fun: str) -> None:
    assert not Policy({}).allows(name, fun)


@given(st.text(max_size=20))
def test_publishing_is_never_published(verb: str) -> None:
    assert not Policy({".*": [".*"]}).allows("web1", f"publish.{verb}")


@pytest.mark.parametrize("peer", [{"(": ["x"]}, {"x": ["["]}, {"x": ["(?=a)"]}, {"a)|(.*": ["x"]}])
def test_what_is_no_pattern_is_said_at_the_start(peer: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="peer"):
        Policy(peer)


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.JOB_RUN])
def test_a_peer_may_do_nothing_but_run_jobs(action: Action) -> None:
    with pytest.raises(NotAllowed):
        admit(Principal(name="agent/web1", role=Role.PEER, via="fabric"), action)
