"""Why a state failed: what was written, and what it waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from saltern.engine import explain
from saltern.engine.explain import Covering
from saltern.engine.runner import Wishes
from saltern.engine.site import Site
from saltern.engine.states import look, perform
from saltern.engine.undo import find
from saltern.sdk import NotFound
from saltern.sdk.secret import Secret
from saltern.testing.agent import FakeAgent
from saltern.testing.host import FakeHost
from saltern.testing.sls import MemoryTree

TREE = """
first:
  test.fail_without_changes:
    - comment: the password is {{ pillar.key }}
second:
  test.nop:
    - require:
      - test: first
third:
  test.nop:
    - password: whatever
    - require:
      - test: second
fine:
  test.nop: []
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    host = FakeHost(agent=FakeAgent(jid="2" * 20))
    pillar = lambda given, saltenv: {"key": Secret("open sesame")}  # noqa: E731
    tree = MemoryTree({"base": {"a.sls": TREE}})
    made = Site(host, tree, opts={"id": "here"}, directory=tmp_path, pillar=pillar)
    host.supply = made.supply
    return made


def test_a_failure_says_where_with_what_and_after_what(site: Site) -> None:
    results: dict[str, Any] = look(site, site.compile(["a"]), Wishes(test=False))
    told: dict[str, Any] = {key.split("_|-")[1]: one.get("why") for key, one in results.items()}
    assert told["fine"] is None
    assert told["first"]["where"] == "a.sls:2"
    assert told["first"]["arguments"]["comment"] == "the password is ****"
    assert told["third"]["arguments"]["password"] == "****"
    path = [(one["type"], one["state"].split("_|-")[1], one["result"]) for one in told["third"]["requisites"]]
    assert path == [("require", "second", False), ("require", "first", False)]
    assert b"sesame" not in msgspec.json.encode(told)


def test_a_run_keeps_what_it_was_made_of(site: Site, tmp_path: Path) -> None:
    perform(site, site.compile(["a"]), Wishes(), what="a test")
    head = find(tmp_path, "2" * 20)
    told = explain.recorded(tmp_path, head, "test.nop fine")
    assert (told["where"], told["requisites"]) == ("a.sls:14", [])
    assert "sesame" not in (tmp_path / head.run / explain.FILE).read_text()
    with pytest.raises(NotFound, match="had no state"):
        explain.recorded(tmp_path, head, "test.nop fien")


def test_long_texts_are_cut_and_short_words_are_no_secrets() -> None:
    cover = Covering({"a": Secret("yes"), "b": [Secret("hunter2")]})
    assert cover({"x": "yes, hunter2!", "deep": [{"token": 5}]}) == {
        "x": "yes, ****!",
        "deep": [{"token": "****"}],
    }
    assert len(cover("x" * 100_000)) < 3000
