"""One pillar after another, as a process renders them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saltern.controller.pillar.questions import Answer, Render, Setup
from saltern.controller.pillar.rendering import Kitchen
from saltern.controller.settings import Pillar
from saltern.engine.pillar_data import decode
from saltern.foundation.errors import SettingsError, Unavailable

TOLD = {"id": "web1", "os": "Debian", "roles": "db"}


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def kitchen(root: Path, **settings: Any) -> Kitchen:
    pillar = Pillar(**{"backends": [{"roots": {"base": [str(root)]}}], **settings})
    return Kitchen(
        Setup(
            pillar=pillar,
            nodegroups={"webs": "web*"},
            settings=str(root),
            directory=str(root),
            usual=str(root / "usual"),
        )
    )


def question(**fields: Any) -> Render:
    return Render(**{"name": "web1", "told": TOLD, "pinned": (), **fields})


def made(answer: Answer) -> dict[str, Any]:
    assert answer.problem is None, answer.problem
    return decode(answer.data)


def test_what_depends_on_nothing_else_is_good_for_long(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"top.sls": "base:\n  webs:\n    - match: nodegroup\n    - a\n", "a.sls": "x: {{ grains.os }}\n"},
    )
    answer = kitchen(tmp_path, cache_for="1m").make(question())
    assert made(answer) == {"x": "Debian"}
    assert answer.reuse == 60.0


@pytest.mark.parametrize(
    "text",
    ["x: {{ salt['cmd.run']('echo 1') }}\n", "#!py\ndef run():\n    return {'x': 1}\n"],
)
def test_what_depends_on_the_moment_is_not_kept(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"top.sls": "base:\n  '*': [a]\n", "a.sls": text})
    answer = kitchen(tmp_path).make(question())
    assert made(answer) == {"x": 1}
    assert answer.reuse == 0.0


def test_a_source_is_good_for_as_long_as_it_says(tmp_path: Path) -> None:
    sources = [
        {"cmd_json": ["echo", '{"x": "%s"}'], "cache": "20s"},
        {"cmd_yaml": "echo 'y: 1'", "cache": "1h"},
    ]
    answer = kitchen(tmp_path, backends=[], ext_pillar=sources).make(question())
    assert made(answer) == {"x": "web1", "y": 1}
    assert answer.reuse == 20.0


def test_a_source_that_fails_is_named(tmp_path: Path) -> None:
    answer = kitchen(tmp_path, backends=[], ext_pillar=[{"cmd_json": ["false"]}]).make(question())
    assert answer.problem is not None
    assert "ext_pillar cmd_json (pillar.ext_pillar[0]): false ended with 1" in answer.problem.message


def test_functions_that_change_things_are_refused(tmp_path: Path) -> None:
    text = "x: {{ salt['file.remove']('/tmp/x') }}\n"
    write(tmp_path, {"top.sls": "base:\n  '*': [a]\n", "a.sls": text})
    problem = kitchen(tmp_path).make(question()).problem
    assert problem is not None
    assert "a.sls:1" in problem.message
    assert "file.remove can't be called while a pillar is rendered" in problem.message


def test_a_grain_that_is_not_trusted_is_the_hint(tmp_path: Path) -> None:
    write(tmp_path, {"top.sls": "base:\n  '*': [a]\n", "a.sls": "x: {{ grains.roles }}\n"})
    problem = kitchen(tmp_path).make(question()).problem
    assert problem is not None
    assert "not trusted here, since the agent says so itself: roles" in problem.hint
    assert made(kitchen(tmp_path).make(question(pinned=("roles",)))) == {"x": "db"}
    assert made(kitchen(tmp_path, trusted_grains=("all",)).make(question())) == {"x": "db"}


def test_the_agent_is_told_where_but_not_what_stands_there(tmp_path: Path) -> None:
    write(tmp_path, {"top.sls": "base:\n  '*': [a]\n", "a.sls": "word: hunter2\nx: {{ nothing }}\n"})
    problem = kitchen(tmp_path).make(question()).problem
    assert problem is not None
    assert "hunter2" in problem.message
    assert "hunter2" not in problem.told
    assert "a.sls:2: the variable 'nothing' is not defined" in problem.told


def test_an_edit_changes_the_version_and_only_an_edit(tmp_path: Path) -> None:
    write(tmp_path / "tree", {"top.sls": "base:\n  '*': [a]\n", "a.sls": "x: 1\n"})
    cook = kitchen(tmp_path / "tree")
    first = cook.trees.survey()
    write(tmp_path / "tree", {"a.sls": "x: 2\n"})
    second = cook.trees.survey()
    assert first != second
    assert made(cook.make(question(version=second))) == {"x": 2}
    write(tmp_path / "tree", {"b.sls": "y: 1\n"})
    assert cook.trees.survey() != second


def test_a_tree_that_is_newer_than_known_is_looked_at_again(tmp_path: Path) -> None:
    write(tmp_path / "tree", {"top.sls": "base:\n  '*': [a]\n", "a.sls": "x: 1\n"})
    cook = kitchen(tmp_path / "tree")
    assert made(cook.make(question(version=cook.trees.survey()))) == {"x": 1}
    write(tmp_path / "tree", {"a.sls": "x: 2\n"})
    assert made(cook.make(question(version="another process saw it"))) == {"x": 2}


def test_a_file_that_was_changed_since_the_look_is_read_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "tree", {"top.sls": "base:\n  '*': [a]\n", "a.sls": "x: 1\n"})
    cook = kitchen(tmp_path / "tree")
    version = cook.trees.survey()
    assert cook.trees.tree.files("base") == ["a.sls", "top.sls"]
    write(tmp_path / "tree", {"a.sls": "x: {{ 1 + 1 }}\n"})
    answer = cook.make(question(version=version))
    assert made(answer) == {"x": 2}
    assert answer.version != version


def test_a_root_that_is_gone_is_an_error_and_not_an_empty_pillar(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="is not there"):
        kitchen(tmp_path / "gone").trees.survey()


def test_the_usual_place_need_not_be_there(tmp_path: Path) -> None:
    cook = kitchen(tmp_path, backends=[])
    assert made(cook.make(question())) == {}
    write(tmp_path / "usual", {"top.sls": "base:\n  '*': [a]\n", "a.sls": "x: 1\n"})
    assert made(cook.make(question())) == {"x": 1}


def test_top_tells_what_is_wanted_and_not_believed(tmp_path: Path) -> None:
    write(tmp_path, {"top.sls": "base:\n  'web*': [a]\n  'G@roles:db': [b]\n"})
    answer = kitchen(tmp_path).make(question(top=True))
    assert answer.top == {"base": ["a"]}
    assert answer.ignored == ("roles",)


def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    text = "{% for one in range(100000) %}{% for two in range(100000) %}{% endfor %}{% endfor %}"
    write(tmp_path, {"top.sls": "base:\n  '*': [a]\n", "a.sls": text})
    problem = kitchen(tmp_path, timeout="0.2s").make(question()).problem
    assert problem is not None
    assert "the pillar of web1 takes longer than 0.2 s" in problem.message


def test_settings_that_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no file backend"):
        kitchen(tmp_path, backends=[{"rots": {}}])
    problem = kitchen(tmp_path, source_merging_strategy="smrt").make(question()).problem
    assert problem is not None
    assert "did you mean 'smart'?" in problem.hint


def test_one_agents_pillar_says_nothing_of_anothers(tmp_path: Path) -> None:
    """What is used again from one to the next is what YAML was read as, and nothing changes that."""
    write(
        tmp_path,
        {"top.sls": "base:\n  '*': [a]\n", "a.sls": "l: [1]\n{% do pillar.update({'x': grains.id}) %}\n"},
    )
    cook = kitchen(tmp_path)
    assert made(cook.make(question())) == {"l": [1]}
    assert made(cook.make(question(name="web2", told={"id": "web2"}))) == {"l": [1]}
