"""Runs of states in a world in memory: what requisites, conditions and globals do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.testing.host import FakeHost
from saltern.testing.states import run, site

CHANGE: dict[str, list[Any]] = {"test.succeed_with_changes": []}
NOTHING: dict[str, list[Any]] = {"test.nop": []}
FAIL: dict[str, list[Any]] = {"test.fail_without_changes": []}
PRETENDED = {"testing": {"old": "Unchanged", "new": "Something pretended to change"}}


def ran(high: dict[str, Any], host: FakeHost | None = None, **wishes: Any) -> dict[str, dict[str, Any]]:
    """Run high data; return the results by id."""
    results = run(site(host or FakeHost()), high, **wishes)
    return {one["__id__"]: one for one in results.values()}


def with_requisite(state: dict[str, list[Any]], **requisites: Any) -> dict[str, list[Any]]:
    return {fun: [*arguments, requisites] for fun, arguments in state.items()}


def on(name: str) -> list[dict[str, str]]:
    return [{"test": name}]


@pytest.mark.parametrize(
    ("requisite", "target", "result", "changes", "was_run"),
    [
        ("require", NOTHING, True, {}, True),
        ("require", FAIL, False, {}, False),
        ("watch", NOTHING, True, {}, True),
        ("watch", CHANGE, True, {"Requisites with changes": ["test: a"]}, True),
        ("watch", FAIL, False, {}, False),
        ("onchanges", NOTHING, True, {}, False),
        ("onchanges", CHANGE, True, {}, True),
        ("onchanges", FAIL, True, {}, False),
        ("onfail", NOTHING, True, {}, False),
        ("onfail", FAIL, True, {}, True),
        ("prereq", NOTHING, True, {}, False),
        ("prereq", CHANGE, True, {}, True),
        ("prereq", FAIL, False, {}, False),
    ],
)
@pytest.mark.parametrize("auto", [False, True])
def test_one_requisite(
    requisite: str, target: Any, result: bool, changes: Any, was_run: bool, auto: bool
) -> None:
    found = ran({"a": target, "b": with_requisite(NOTHING, **{requisite: on("a")})}, auto=auto)
    assert found["b"]["result"] is result
    assert found["b"]["changes"] == changes
    assert found["b"].get("__state_ran__", True) is was_run
    if result is False:
        assert found["b"]["comment"] == "One or more requisite failed: it.a"


@pytest.mark.parametrize(
    ("requisite", "result", "was_run"),
    [
        ("require", False, False),
        ("require_any", True, True),
        ("onfail", True, True),
        ("onfail_any", True, True),
        ("onfail_all", True, False),
        ("onchanges", True, True),
        ("onchanges_any", True, True),
        ("watch_any", True, True),
    ],
)
def test_several_targets(requisite: str, result: bool, was_run: bool) -> None:
    high = {"a": CHANGE, "b": FAIL, "c": with_requisite(NOTHING, **{requisite: on("a") + on("b")})}
    found = ran(high)["c"]
    assert (found["result"], found.get("__state_ran__", True)) == (result, was_run)


def test_a_prereq_runs_first_and_its_failure_holds_the_other_up() -> None:
    found = ran({"a": CHANGE, "b": with_requisite(FAIL, prereq=on("a"))})
    assert list(found) == ["b", "a"]
    assert found["a"]["result"] is False
    assert found["a"]["comment"] == "One or more requisite failed: it.b"
    assert found["a"]["changes"] == {}


def test_listeners_come_last_and_once() -> None:
    high = {
        "first": with_requisite(NOTHING, listen=on("b") + on("c")),
        "b": CHANGE,
        "c": CHANGE,
        "quiet": with_requisite(NOTHING, listen=on("first")),
    }
    found = ran(high)
    assert list(found) == ["first", "b", "c", "quiet", "listener_first"]
    assert found["listener_first"]["changes"] == {"Requisites with changes": ["test: b", "test: c"]}
    assert found["listener_first"]["__run_num__"] == 4


def test_a_dry_run_follows_what_would_change() -> None:
    found = ran({"a": CHANGE, "b": with_requisite(NOTHING, onchanges=on("a"))}, test=True)
    assert (found["a"]["result"], found["a"]["changes"]) == (None, PRETENDED)
    assert found["b"].get("__state_ran__", True) is True


def test_one_state_alone_may_be_dry_or_not() -> None:
    high = {"a": {"test.succeed_with_changes": [{"test": True}]}, "b": CHANGE}
    assert [one["result"] for one in ran(high).values()] == [None, True]


def test_failhard_ends_the_run() -> None:
    high = {"a": {"test.fail_without_changes": [{"failhard": True}]}, "b": NOTHING}
    assert list(ran(high)) == ["a"]
    assert list(ran({"a": FAIL, "b": NOTHING}, failhard=True)) == ["a"]
    assert list(ran({"a": FAIL, "b": NOTHING}, failhard=True, test=True)) == ["a", "b"]


def test_a_state_that_is_not_known_fails_alone() -> None:
    found = ran({"a": {"test.nopp": []}, "b": NOTHING, "c": with_requisite(NOTHING, require=on("a"))})
    assert "did you mean 'test.nop'?" in found["a"]["comment"]
    assert [one["result"] for one in found.values()] == [False, True, False]


def test_retry_until_it_is_so() -> None:
    host = FakeHost()
    retry = {"attempts": 3, "interval": 10}
    begin = host.now()
    found = ran({"a": {"test.fail_without_changes": [{"retry": retry}]}}, host)["a"]
    assert host.now() - begin == 20
    assert found["duration"] == 20_000
    assert found["comment"].count('Returned a result of "False"') == 2
    assert found["comment"].startswith("Attempt 1: ")


def test_retry_ends_when_it_is_so() -> None:
    host = FakeHost()
    begin = host.now()
    retry = {"attempts": 3, "interval": 10, "until": False}
    ran({"a": {"test.fail_without_changes": [{"retry": retry}]}}, host)
    assert host.now() == begin


def test_a_dry_run_does_not_retry() -> None:
    host = FakeHost()
    begin = host.now()
    found = ran({"a": {"test.fail_without_changes": [{"retry": {"attempts": 3}}]}}, host, test=True)
    assert host.now() == begin
    assert "would be retried every 30 seconds" in found["a"]["comment"]


def test_conditions_keep_a_watcher_quiet() -> None:
    host = FakeHost(files={"/done": "", "/bin/sh": {"mode": 0o755}})
    waiting = {"cmd.wait": [{"name": "x"}, {"creates": "/done"}, {"watch": on("a")}]}
    found = ran({"a": CHANGE, "b": waiting}, host)["b"]
    assert (found["comment"], found["skip_watch"], found["changes"]) == ("/done exists", True, {})


def test_reload_grains() -> None:
    host = FakeHost()
    ran({"a": {"test.succeed_with_changes": [{"reload_grains": True}]}}, host)
    ran({"a": {"test.nop": [{"reload_grains": True}]}}, host)
    assert host.grains_forgotten == 1


def test_slots_are_filled_when_the_turn_comes() -> None:
    high = {
        "a": {"file.managed": [{"name": "/tmp/x"}, {"contents": "from a"}]},
        "b": {
            "test.show_notification": [
                {"text": "__slot__:salt:test.arg(1, two, k='v').kwargs.k ~ ' and more'"},
                {"require": [{"file": "a"}]},
            ]
        },
    }
    assert ran(high)["b"]["comment"] == "v and more"


def test_a_malformed_slot_is_named() -> None:
    found = ran({"b": {"test.show_notification": [{"text": "__slot__:salt:nonsense"}]}})["b"]
    assert found["result"] is False
    assert "__slot__:salt:nonsense" in found["comment"]


def test_progress_is_told_as_it_happens() -> None:
    host = FakeHost()
    ran({"a": {"test.nop": [{"fire_event": "a/tag"}]}, "b": FAIL}, host)
    begun, *told = [json.loads(data) for stream, data in host.emitted if stream == "state"]
    first, second = "test_|-a_|-a_|-nop", "test_|-b_|-b_|-fail_without_changes"
    assert begun == {"number": 0, "of": 2, "next": first}
    assert [(one["key"], one["result"], one["number"], one["of"], one["next"]) for one in told] == [
        (first, True, 1, 2, second),
        (second, False, 2, 2, ""),
    ]
    assert told[0]["event"] == "a/tag"


def test_salts_shape() -> None:
    found = ran({"a": NOTHING})["a"]
    assert set(found) == {
        *("name", "result", "changes", "comment", "__id__", "__sls__", "__run_num__", "start_time"),
        "duration",
    }


# --- at once, or one after another: the same ---------------------------------------------------------------

KINDS = ("test.nop", "test.succeed_with_changes", "test.fail_without_changes", "test.fail_with_changes")
REQUISITES = ("require", "watch", "onchanges", "onfail", "require_any", "listen")


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Draw states, each with requisites on earlier ones."""
    high: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 8))):
        arguments: list[Any] = []
        if number:
            for kind in draw(st.lists(st.sampled_from(REQUISITES), max_size=2, unique=True)):
                targets = draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=2, unique=True))
                arguments.append({kind: [{"test": f"s{one}"} for one in targets]})
        if draw(st.booleans()):
            arguments.append({"parallel": True})
        high[f"s{number}"] = {draw(st.sampled_from(KINDS)): arguments}
    return high


def essence(results: dict[str, dict[str, Any]]) -> list[Any]:
    return [(one["__id__"], one["result"], one["changes"], one["comment"]) for one in results.values()]


@settings(max_examples=60, deadline=None)
@given(trees(), st.booleans())
def test_at_once_is_the_same_as_in_order(high: dict[str, Any], dry: bool) -> None:
    plain = {
        name: {fun: [one for one in arguments if "parallel" not in one] for fun, arguments in state.items()}
        for name, state in high.items()
    }
    expected = essence(ran(plain, test=dry))
    assert essence(ran(high, test=dry)) == expected
    assert essence(ran(high, test=dry, auto=True)) == expected


def test_paths_order_what_requisites_do_not() -> None:
    directory = {"file.directory": [{"name": "/srv/a"}, {"makedirs": True}]}
    high = {"d": directory}
    high |= {f"f{n}": {"file.managed": [{"name": f"/srv/a/{n}"}, {"contents": "x"}]} for n in range(20)}
    high["gone"] = {"file.absent": [{"name": "/srv"}]}
    host = FakeHost()
    found = ran(high, host, auto=True)
    assert all(one["result"] is True for one in found.values())
    assert host.stat("/srv") is None


def test_a_misspelt_argument_is_shown_where_it_stands() -> None:
    high = {"a": {"file.managed": [{"name": "/tmp/x"}, {"contens": "x"}]}}
    comment = ran(high)["a"]["comment"]
    assert comment.startswith("it.sls:5:5: file.managed: has no argument 'contens'")
    assert "did you mean 'contents'?" in comment


def test_high_data_in_an_environment() -> None:
    from saltern.engine.call import call
    from saltern.engine.site import Site
    from saltern.testing.sls import MemoryTree

    host = FakeHost()
    tree = MemoryTree({"base": {}, "dev": {"f": "of dev"}})
    host.supply = Site(host, tree, opts={"id": "x"}).supply
    data = {"a": {"file.managed": [{"name": "/tmp/f"}, {"source": "salt://f"}]}}
    call(host, "state.high", [data], {"saltenv": "dev"})
    assert host.files["/tmp/f"].data == b"of dev"
