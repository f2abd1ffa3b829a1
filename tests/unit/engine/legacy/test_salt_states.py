"""States of Salt modules, in runs: looked at, run, watched, begun, joined, called by others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saltern.engine.nouns import state
from saltern.engine.plan import apply_plan, plan
from saltern.engine.runner import Wishes
from saltern.engine.states import Results, perform
from saltern.sls.fault import SlsError
from saltern.testing.host import FakeHost
from saltern.testing.sls import MemoryTree
from saltern.testing.states import run, site, snapshot

THING = """
from salt.exceptions import CommandExecutionError


def __virtual__():
    return "thing"


def mod_init(low):
    __context__["inits"] = __context__.get("inits", 0) + 1
    return True


def present(name, content="", runas=None, **kwargs):
    ret = {"name": name, "changes": {}, "result": True, "comment": "as it should be"}
    there = __salt__["file.read"](name) if __salt__["file.file_exists"](name) else None
    if there == content:
        return ret
    ret["changes"] = {"old": there, "new": content}
    if __opts__["test"]:
        ret["result"] = None
        ret["comment"] = "would be written"
        return ret
    __salt__["file.write"](name, content.rstrip())
    ret["comment"] = ["written", "by %s, %d" % (runas, __context__["inits"])]
    ret["warnings"] = ["mind the gap"]
    return ret


def strict(name, number):
    return {"name": name, "changes": {}, "result": True, "comment": __env__ + " " + __low__["__id__"]}


def careless(name):
    __salt__["file.write"](name, "x")
    return {"name": name, "changes": {"written": True}, "result": True, "comment": ""}


def nothing(name):
    return None


def lacking(name):
    return {"name": name, "result": True}


def refuses(name):
    raise CommandExecutionError("no")


def divides(name):
    return 1 / 0


def by_another(name):
    return __states__["file.managed"](name=name, contents="by another")


def mod_watch(name, sfun=None, **kwargs):
    return {"name": name, "changes": {"restarted": sfun}, "result": True, "comment": "woken"}
"""
TREE: dict[str, Any] = {"_states/things.py": THING}


def world(tree: dict[str, Any] = TREE) -> tuple[FakeHost, Any]:
    host = FakeHost(grains={"kernel": "Linux"})
    return host, site(host, tree=dict(tree))


def only(results: Results) -> dict[str, Any]:
    (found,) = results.values()
    return found


def test_it_is_looked_at_run_and_run_again() -> None:
    host, made = world()
    high = {"it": {"thing.present": [{"name": "/x"}, {"content": "new\n"}, {"runas": "me"}]}}
    before = snapshot(host)
    looked = only(run(made, high, test=True))
    assert (looked["result"], looked["comment"]) == (None, "would be written")
    assert looked["changes"] == {"old": None, "new": "new\n"}
    assert snapshot(host) == before
    done = only(run(made, high))
    assert (done["result"], done["changes"]) == (True, {"old": None, "new": "new\n"})
    assert done["comment"].startswith("written\nby me, ")
    assert done["warnings"] == ["mind the gap"]
    assert host.files["/x"].data == b"new\n"
    again = only(run(made, high))
    assert (again["result"], again["changes"], again["comment"]) == (True, {}, "as it should be")


def test_a_real_run_calls_it_once() -> None:
    host, made = world()
    done = only(run(made, {"it": {"thing.careless": [{"name": "/x"}]}}))
    assert (done["result"], done["changes"]) == (True, {"written": True})
    assert host.files["/x"].data == b"x\n"


def test_one_that_ignores_test_mode_is_kept_from_changing_anything() -> None:
    host, made = world()
    looked = only(run(made, {"it": {"thing.careless": [{"name": "/x"}]}}, test=True))
    assert looked["result"] is False
    assert "it may only look" in looked["comment"]
    assert "/x" not in host.files


def test_unknown_and_missing_arguments_are_errors() -> None:
    _, made = world()
    unknown = only(run(made, {"it": {"thing.strict": [{"numbre": 1}]}}))
    assert (unknown["result"], unknown["comment"]) == (
        False,
        "thing.strict: has no argument 'numbre'\nhint: did you mean 'number'?",
    )
    missing = only(run(made, {"it": {"thing.strict": []}}))
    assert missing["comment"] == "thing.strict: needs the argument 'number'"
    fine = only(run(made, {"it": {"thing.strict": [{"number": 1}]}}))
    assert (fine["result"], fine["comment"]) == (True, "base it")


def test_what_is_no_result_is_refused_by_file_and_name() -> None:
    _, made = world()
    for verb, says in {
        "nothing": "_states/things.py: thing.nothing must return a dictionary, not NoneType",
        "lacking": "_states/things.py: thing.lacking: the dictionary it returned lacks changes, comment",
        "refuses": "no",
    }.items():
        found = only(run(made, {"it": {f"thing.{verb}": [{"name": "x"}]}}))
        assert found["result"] is False
        assert says in found["comment"]
    divided = only(run(made, {"it": {"thing.divides": []}}))
    line = THING.splitlines().index("    return 1 / 0") + 1
    assert f'File "_states/things.py", line {line}, in divides' in divided["comment"]


def test_a_state_calls_another() -> None:
    host, made = world()
    high = {"it": {"thing.by_another": [{"name": "/y"}]}}
    looked = only(run(made, high, test=True))
    assert looked["result"] is None
    assert "/y" not in host.files
    done = only(run(made, high))
    assert done["result"] is True
    assert host.files["/y"].data == b"by another\n"
    assert only(run(made, high))["changes"] == {}


def test_what_it_writes_can_be_undone(tmp_path: Path) -> None:
    host = FakeHost(grains={"kernel": "Linux"}, files={"/x": "old"})
    made = site(host, tree=dict(TREE), directory=tmp_path)
    run(made, {"it": {"thing.present": [{"name": "/x"}, {"content": "new\n"}]}})
    assert host.files["/x"].data == b"new\n"
    state.undo(host)
    assert host.files["/x"].data == b"old"


def test_mod_watch_is_called_when_a_watched_state_has_changed() -> None:
    _, made = world()
    high = {
        "first": {"file.managed": [{"name": "/z"}, {"contents": "z"}]},
        "it": {"thing.strict": [{"number": 1}, {"watch": [{"file": "first"}]}]},
    }
    results = {key.split("_|-")[1]: one for key, one in run(made, high).items()}
    assert (results["it"]["changes"], results["it"]["comment"]) == ({"restarted": "strict"}, "woken")
    again = {key.split("_|-")[1]: one for key, one in run(made, high).items()}
    assert again["it"]["changes"] == {}


def test_mod_aggregate_joins_states() -> None:
    text = (
        "def mod_aggregate(low, chunks, running):\n"
        "    low['names'] = [low['name']] + [chunk['name'] for chunk in chunks]\n    return low\n"
        "def have(name, names=None, **kwargs):\n"
        "    done = __context__.setdefault('done', [])\n"
        "    new = [one for one in names or [name] if one not in done]\n    done += new\n"
        "    return {'name': name, 'result': True, 'comment': '', 'changes': {one: 1 for one in new}}\n"
    )
    _, made = world({"_states/many.py": text})
    high = {one: {"many.have": [{"aggregate": True}]} for one in ("a", "b", "c")}
    results = {key.split("_|-")[1]: one["changes"] for key, one in run(made, high).items()}
    assert results == {"a": {"a": 1, "b": 1, "c": 1}, "b": {}, "c": {}}


def test_a_broken_state_module_fails_its_own_states_alone() -> None:
    _, made = world({"_states/broken.py": "\nimport salt.nothing\n"})
    high = {
        "bad": {"broken.present": [{"watch_in": [{"file": "good"}]}]},
        "good": {"file.managed": [{"name": "/g"}, {"contents": "g"}]},
        "free": {"file.managed": [{"name": "/f"}, {"contents": "f"}]},
    }
    results = {key.split("_|-")[1]: one for key, one in run(made, high).items()}
    assert "_states/broken.py:2: this module can't be loaded" in results["bad"]["comment"]
    assert [results[one]["result"] for one in ("bad", "good", "free")] == [False, False, True]


def test_states_of_our_own_shape_work_too() -> None:
    text = '''
from saltern.sdk import Changes, Host, State


class Kept(State, frozen=True, kw_only=True):
    """Keep a file."""

    text: str

    def check(self, host: Host) -> Changes:
        return Changes.between({"text": host.text(self.name, "")}, {"text": self.text})

    def apply(self, host: Host, changes: Changes) -> None:
        host.write(self.name, self.text.encode())
'''
    for directory in ("_states", "_modules"):
        host, made = world({f"{directory}/own.py": text})
        assert only(run(made, {"it": {"own.kept": [{"name": "/o"}, {"text": "t"}]}}))["result"] is True
        assert host.files["/o"].data == b"t"
        wrong = only(run(made, {"it": {"own.kept": [{"name": "/o"}, {"txet": "t"}]}}))
        assert "did you mean 'text'?" in wrong["comment"]


def test_module_run_and_renderers_see_the_file_roots() -> None:
    tree = {
        "_modules/own.py": "def hello(name):\n    return 'hello ' + name\n",
        "_renderers/lines.py": (
            "from salt.exceptions import SaltRenderError\n"
            "def render(data, saltenv='base', sls='', argline='', **kwargs):\n"
            "    text = data if isinstance(data, str) else data.read()\n"
            "    if 'bad' in text:\n        raise SaltRenderError('it is bad')\n"
            "    rows = [line.split('=') for line in text.splitlines() if '=' in line]\n"
            "    return {key: {'file.managed': [{'contents': value + argline}]} for key, value in rows}\n"
        ),
        "lines.sls": "#!jinja|lines !\n{{ '/l' }}=one\n",
        "bad.sls": "#!lines\nbad\n",
    }
    host, made = world(tree)
    found = only(run(made, {"it": {"module.run": [{"own.hello": [{"name": "you"}]}]}}))
    assert (found["result"], found["changes"]) == (True, {"own.hello": "hello you"})
    assert only(perform(made, made.compile(["lines"]), Wishes(), what="x"))["result"] is True
    assert host.files["/l"].data == b"one!\n"
    with pytest.raises(SlsError, match=r"bad\.sls.*it is bad"):
        made.compile(["bad"]).check()


def test_a_plan_asks_it_as_a_dry_run_does(tmp_path: Path) -> None:
    host, made = world()
    made.directory = tmp_path
    made.tree = MemoryTree(
        {"base": {**TREE, "it.sls": "it:\n  thing.present: [{name: /p}, {content: p}]\n"}}, host.place
    )
    planned = plan(made, ["it"])
    assert "/p" not in host.files
    done = only(apply_plan(made, planned))
    assert (done["result"], done["changes"]) == (True, {"old": None, "new": "p"})
    assert host.files["/p"].data == b"p\n"
