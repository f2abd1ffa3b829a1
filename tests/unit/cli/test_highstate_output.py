"""The results of states on a screen, and the commands that work on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.cli.output.highstate import highstate, is_highstate
from saltern.cli.output.style import Style

DIFF = "--- /etc/motd\n+++ /etc/motd\n@@ -1 +1 @@\n-old\n+new\n"


def result(number: int, result: bool | None, **more: Any) -> dict[str, Any]:
    return {
        "__id__": f"id{number}",
        "__run_num__": number,
        "name": f"name{number}",
        "result": result,
        "comment": "Said.",
        "changes": {},
        "start_time": "12:00:00.000001",
        "duration": 1.5,
        **more,
    }


RESULTS = {
    "file_|-id1_|-name1_|-managed": result(1, True, changes={"diff": DIFF, "mode": "0644"}),
    "test_|-id0_|-name0_|-nop": result(0, True),
    "cmd_|-id2_|-name2_|-run": result(2, None, changes={"cmd": "x"}, unknown="who knows"),
    "pkg_|-id3_|-name3_|-installed": result(3, False, comment="One\nTwo \x1b[31m", warnings=["Old."]),
}


def shown(mode: Any = "full", colour: bool = False) -> list[str]:
    return list(highstate(RESULTS, "web1", Style(colour), mode))


def test_full() -> None:
    assert shown()[:24] == [
        "web1:",
        "----------",
        "          ID: id0",
        "    Function: test.nop",
        "        Name: name0",
        "      Result: True",
        "     Comment: Said.",
        "     Started: 12:00:00.000001",
        "    Duration: 1.5 ms",
        "     Changes:",
        "----------",
        "          ID: id1",
        "    Function: file.managed",
        "        Name: name1",
        "      Result: True",
        "     Comment: Said.",
        "     Started: 12:00:00.000001",
        "    Duration: 1.5 ms",
        "     Changes:",
        "              ----------",
        "              diff:",
        "                  --- /etc/motd",
        "                  +++ /etc/motd",
        "                  @@ -1 +1 @@",
    ]


def test_summary() -> None:
    lines = shown("summary")
    assert lines[:4] == ["web1:", "----------", "          ID: id3", "    Function: pkg.installed"]
    assert lines[-8:] == [
        "",
        "Summary for web1",
        "----------------",
        "Succeeded: 3 (unchanged=1, changed=2)",
        "Failed:    1",
        "----------------",
        "Total states run:      4",
        "Total run time: 6.000 ms",
    ]


def test_several_lines_and_what_would_steer_a_terminal() -> None:
    text = "\n".join(shown())
    assert "     Comment: One\n              Two \\x1b[31m" in text
    assert "     Warning: Old." in text
    assert "     Unknown: who knows" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("mode", "blocks", "terse"),
    [
        ("full", 4, 0),
        ("terse", 1, 3),
        ("mixed", 1, 3),
        ("changes", 3, 0),
        ("filter", 2, 0),
        ("summary", 1, 0),
    ],
)
def test_modes(mode: str, blocks: int, terse: int) -> None:
    lines = shown(mode)
    assert sum(line.startswith("          ID: ") for line in lines) == blocks
    assert sum(line.startswith("  Name: ") for line in lines) == terse


def test_colours_where_they_are_wanted() -> None:
    lines = shown(colour=True)
    assert any(line.startswith("\x1b[31m") and "id3" in line for line in lines)
    assert any("\x1b[32m" in line and "+new" in line for line in lines)
    assert any("\x1b[31m" in line and "-old" in line for line in lines)


def test_what_is_a_highstate() -> None:
    assert is_highstate(RESULTS)
    assert not is_highstate({})
    assert not is_highstate({"a": {"result": True}})
    assert not is_highstate([1])


# --- commands -----------------------------------------------------------------------------------------

Saltern = Callable[..., Any]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.sls").write_text(f"{tmp_path}/motd:\n  file.managed:\n    - contents: {{{{ pillar.who }}}}\n")
    (tree / "bad.sls").write_text("x:\n  file.managed:\n    - contents: {{ nothing }}\n")
    (tree / "fails.sls").write_text("x:\n  test.fail_without_changes: []\n")
    (tmp_path / "pillar").mkdir()
    (tmp_path / "pillar/top.sls").write_text("base:\n  'me':\n    - p\n")
    (tmp_path / "pillar/p.sls").write_text("who: {{ grains.id }}\n")
    return tree


@pytest.fixture
def roots(tree: Path, tmp_path: Path) -> list[str]:
    return ["--file-root", str(tree), "--pillar-root", str(tmp_path / "pillar"), "--id", "me"]


def test_apply_here(saltern: Saltern, roots: list[str], tmp_path: Path) -> None:
    done = saltern("call", "--local", *roots, "state.apply", "a", "test=True")
    assert (done.code, (tmp_path / "motd").exists()) == (0, False)
    assert "      Result: None" in done.out
    done = saltern("call", "--local", *roots, "state.apply", "a")
    assert (done.code, (tmp_path / "motd").read_text()) == (0, "me\n")
    assert "Succeeded: 1 (changed=1)" in done.out


def test_json(saltern: Saltern, roots: list[str]) -> None:
    data = json.loads(saltern("call", *roots, "--json", "state.show_low_sls", "a").out)["data"]
    assert [(low["state"], low["fun"]) for low in data] == [("file", "managed")]


def test_a_failed_state_is_a_failed_command(saltern: Saltern, roots: list[str]) -> None:
    assert saltern("call", *roots, "state.apply", "fails").code == 1


def test_a_fault_is_shown_where_it_is(saltern: Saltern, roots: list[str]) -> None:
    done = saltern("call", *roots, "state.apply", "bad")
    assert done.code == 1
    assert "bad.sls:3" in done.err
    assert "nothing" in done.err


def test_no_such_root(saltern: Saltern) -> None:
    done = saltern("call", "--file-root", "/nowhere", "state.apply")
    assert done.code != 0
    assert "/nowhere: no such directory" in done.err


def test_plan_apply_undo(saltern: Saltern, roots: list[str], tmp_path: Path) -> None:
    plan, motd = tmp_path / "the.plan", tmp_path / "motd"
    done = saltern("plan", *roots, "a", "-o", str(plan))
    assert (done.code, motd.exists()) == (0, False)
    assert "Result: None" in done.out
    done = saltern("apply", *roots, str(plan))
    assert (done.code, motd.read_text()) == (0, "me\n")
    done = saltern("apply", *roots, str(plan))
    assert done.code != 0
    assert "planned a change (newfile), now no change" in done.err
    done = saltern("undo")
    assert (done.code, motd.exists()) == (0, False)
    assert f"brought back: {motd}" in done.out
