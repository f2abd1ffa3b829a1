"""The main job, as people and as programs see it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from saltern.model.ids import JobId
from saltern.model.status import Status
from saltern.testing.controller import Answer, FakeController, value
from saltern.testing.served import Served

Saltern = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("api")
TOOK = re.compile(r"took [\d.]+ s")


def test_equal_results_are_shown_once(saltern: Saltern) -> None:
    """One line for all that answered the same; who is away comes last, with the reason."""
    done = saltern("run", "*", "test.ping")
    assert done.out == "web[1-3] (3): True\ndb1: offline — not connected\n"
    assert TOOK.sub("took …", done.err) == "4 agents: 3 ok, 1 offline · slowest web3 0.25 s · took …\n"
    assert done.code == 4


def test_results_that_differ_are_told_apart(saltern: Saltern, controller: FakeController) -> None:
    """Text stands below the names, indented; what failed comes last."""

    def uptime(agent: Any, request: Any) -> Answer:
        if agent.name == "web2":
            return value("no such file\n", status=Status.FAILED, retcode=2)
        return value("up 3 days\nload 0.1\n")

    controller.functions["cmd.run"] = uptime
    done = saltern("run", "web*", "cmd.run", "uptime")
    assert done.out == (
        "web[1,3] (2):\n    up 3 days\n    load 0.1\nweb2: failed (exit code 2)\n    no such file\n"
    )
    assert done.code == 1


def test_nested_values(saltern: Saltern, controller: FakeController) -> None:
    """Names with their values; lists with dashes; scalars in line."""
    data = {"os": "Debian", "ips": ["10.0.0.1", "::1"], "disks": [{"name": "sda", "size": 3}], "none": None}
    controller.functions["grains.items"] = lambda agent, request: value(data | {"text": "a\nb", "empty": {}})
    done = saltern("run", "web1", "grains.items")
    assert done.out == (
        "web1:\n    os: Debian\n    ips:\n        - 10.0.0.1\n        - ::1\n    disks:\n"
        "        - name: sda\n          size: 3\n    none: None\n"
        "    text:\n        a\n        b\n    empty: {}\n"
    )


def test_an_error_brings_its_hint(saltern: Saltern) -> None:
    """The agent's error, then what to do."""
    done = saltern("run", "web1", "test.pong")
    assert done.out == ("web1: failed\n    no function 'test.pong'\n    hint: see `saltern doc`\n")


def test_no_fold(saltern: Saltern) -> None:
    """Each agent for itself."""
    assert saltern("run", "web*", "test.ping", "--no-fold").out == "web1: True\nweb2: True\nweb3: True\n"


def test_json_is_one_whole_object_a_line(saltern: Saltern, controller: FakeController) -> None:
    """Also when a result is too large for the stream."""
    controller.functions["big"] = lambda agent, request: value(
        "é" * 200_000 if agent.name == "web2" else {"n": 1}
    )
    for words in (["--json", "run", "*", "big"], ["run", "*", "big", "--out", "json"]):
        done = saltern(*words)
        lines = {line["name"]: line for line in map(json.loads, done.out.splitlines())}
        assert set(lines) == {"web1", "web2", "web3", "db1"}
        assert lines["web2"]["data"] == "é" * 200_000
        assert lines["web1"]["data"] == {"n": 1}
        assert lines["db1"]["status"] == "offline"
        assert "data" not in lines["db1"]
        assert done.err == ""


def test_large_text_is_whole_in_a_pipe_and_pointed_to_on_a_terminal(
    saltern: Saltern, on_terminal: Saltern, controller: FakeController
) -> None:
    """A person is told how large it is and how to get it."""
    controller.functions["big"] = lambda agent, request: value("x" * 300_000)
    controller.functions["long"] = lambda agent, request: value("line of text, and more\n" * 4_000)
    assert saltern("run", "web1", "big").out == f"web1: {'x' * 300_000}\n"
    assert re.search(
        r"\(300,002 bytes; the whole: saltern job show \d{20} web1 --json\)",
        on_terminal("run", "web1", "big").out,
    )
    text = on_terminal("run", "web1", "long").out
    assert text.splitlines()[-1].startswith("    … cut here; the whole: saltern job show")
    assert len(text) < 64 * 1024 * 1.5


def test_arguments_are_read_as_salt_reads_them(saltern: Saltern, controller: FakeController) -> None:
    """Numbers, lists and names; after ``--`` nothing is an option."""
    saltern(
        "run", "web1", "test.ping", "5", "text", "l=[1, 2]", "--timeout", "1m", "flag=True", "--", "--json"
    )
    asked = controller.decisions[0].arguments
    assert asked["args"] == (5, "text", "--json")
    assert asked["kwargs"] == {"l": [1, 2], "flag": True}
    assert (asked["timeout"], asked["queue"]) == (60.0, None)


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("-E", "pcre"),
        ("-L", "list"),
        ("-G", "grain"),
        ("-P", "grain_pcre"),
        ("-I", "pillar"),
        ("-J", "pillar_pcre"),
        ("-S", "ipcidr"),
        ("-N", "nodegroup"),
        ("-R", "range"),
        ("-C", "compound"),
    ],
)
def test_kinds_have_salts_letters(saltern: Saltern, controller: FakeController, flag: str, kind: str) -> None:
    """They go to the controller as they are."""
    seen: list[tuple[str, str, str]] = []
    resolve = controller.resolve

    def noting(expression: str, asked: str, delimiter: str) -> Any:
        seen.append((expression, asked, delimiter))
        return msgspec.structs.replace(resolve("web1", "glob"), unknown=("web9",))

    controller.resolve = noting  # type: ignore[assignment,method-assign]
    done = saltern("run", flag, "a|b", "test.ping", "--delimiter", "|")
    assert done.code == 0
    assert seen == [("a|b", kind, "|")]
    assert "no such agent: web9" in done.err


def test_async_prints_the_job_id_and_leaves(saltern: Saltern, controller: FakeController) -> None:
    """And ``job watch`` finds it again."""
    controller.functions["test.sleep"] = lambda agent, request: Answer(held=True)
    done = saltern("run", "web1", "test.sleep", "--async")
    assert (done.code, done.err) == (0, "")
    jid = done.out.strip()
    assert json.loads(saltern("run", "web1", "test.sleep", "--async", "--json").out)["jid"] > jid
    assert saltern("job", "cancel", jid).out == f"cancelled {jid}: 1 cancelled\n"
    assert saltern("job", "watch", jid).code == 7


def test_nobody_waits_for_the_queue(saltern: Saltern) -> None:
    """The others' results, then who gets it later, and how to follow it."""
    done = saltern("run", "*", "test.ping", "--queue", "1h")
    assert done.out == "web[1-3] (3): True\ndb1: queued\n"
    assert "saltern job watch" in done.err
    assert done.code == 4


def test_live_output_has_the_agents_name(saltern: Saltern, controller: FakeController) -> None:
    """On stderr, line by line; the results stay alone on stdout."""
    output = (("stdout", "one\nt"), ("stderr", "warn\n"), ("stdout", "wo\n"))
    controller.functions["loud"] = lambda agent, request: value(None, output=output)
    done = saltern("run", "web1", "loud", "-o")
    assert done.out == "web1: None\n"
    assert done.err.splitlines()[:3] == ["web1 | one", "web1 | warn", "web1 | two"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.OK, 0),
        (Status.FAILED, 1),
        (Status.UNRESPONSIVE, 4),
        (Status.LOST, 4),
        (Status.REFUSED, 5),
        (Status.TIMED_OUT, 7),
        (Status.CANCELLED, 7),
    ],
)
def test_exit_codes(saltern: Saltern, controller: FakeController, status: Status, code: int) -> None:
    """One for each way a job can end."""
    controller.functions["end"] = lambda agent, request: Answer(status=status, retcode=None, reason="so")
    done = saltern("run", "web1", "end")
    assert done.code == code
    if status is not Status.OK:
        assert done.out == f"web1: {status.replace('_', ' ')} — so\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run"], 2, "needs a TARGET and a FUNCTION"),
        (["run", "*"], 2, "needs a FUNCTION"),
        (["run", "nobody", "test.ping"], 3, "no agent matches 'nobody'"),
        (["run", "*", "test.ping", "--timeout", "soon"], 2, "'soon' is not a duration"),
        (["run", "*", "test.ping", "--jsom"], 2, "did you mean '--json'?"),
        (["run", "-E", "-G", "x", "test.ping"], 2, "not allowed with argument"),
        (["runn"], 2, "did you mean 'run'?"),
        (["job", "shwo"], 2, "did you mean 'show'?"),
        (["*", "test.ping"], 2, "saltern run '*' FUNCTION"),
        (["--jsom"], 2, "there is no option '--jsom'"),
        (["run", "", "test.ping"], 2, "TARGET is empty"),
        (["run", "*", ""], 2, "FUNCTION is empty"),
        (["run", "*", "test.ping", "--subset", "0"], 2, "--subset must be 1 or more"),
        (["run", "*", "test.ping", "--out", "ymal"], 2, "--out cannot be 'ymal'\nhint: did you mean 'yaml'?"),
        (["run", "*", "cmd.run", "\udcff"], 2, "'\\udcff' is not text in UTF-8"),
        (["job", "list", "--before", "yesterday"], 2, "'yesterday' is not a job id"),
        (["doc", "bogus"], 3, "no functions 'bogus'"),
        (["help", "job", "shwo"], 2, "did you mean 'show'?"),
    ],
)
def test_what_cannot_be_understood(
    saltern: Saltern, controller: FakeController, words: list[str], code: int, message: str
) -> None:
    """Nothing is done, and the message says what to write."""
    done = saltern(*words)
    assert done.code == code
    assert message in done.err
    assert done.out == ""
    assert controller.decisions == []


def test_errors_as_json(saltern: Saltern) -> None:
    """For programs: one object on stderr."""
    done = saltern("run", "nobody", "test.ping", "--json")
    assert json.loads(done.err)["error"]["code"] == "no_match"


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202egnp.exe\u2066\u200b\x00"


def test_nothing_an_agent_says_steers_the_terminal(on_terminal: Saltern, controller: FakeController) -> None:
    """Escapes in data, keys, errors, reasons, names and live output are shown, never sent."""
    controller.add(f"evil{HOSTILE}")
    controller.functions["text"] = lambda agent, request: value(
        {HOSTILE: [HOSTILE, f"two\n{HOSTILE}"]},
        status=Status.FAILED,
        reason=HOSTILE,
        error={"message": HOSTILE, "hint": HOSTILE, "detail": HOSTILE},
        output=(("stdout", HOSTILE + "\n"),),
    )
    ours = re.compile(r"\x1b\[(\d+(;\d+)*)?m|\r\x1b\[2K")
    for words in (["-o"], ["--json"], ["--no-fold"]):
        done = on_terminal("run", "*", "text", *words)
        rest = ours.sub("", done.out + done.err)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", rest)
    lines = [json.loads(line) for line in on_terminal("run", "evil*", "text", "--json").out.splitlines()]
    assert lines[0]["name"] == f"evil{HOSTILE}"  # escaped, and so the very same value
    for words in (["minions"], ["key", "list"], ["target", "*"]):
        done = on_terminal(*words)
        assert "\x07" not in done.out
        assert "evil\\x1b" in done.out


def test_colours_only_where_they_are_wanted(
    saltern: Saltern, on_terminal: Saltern, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, and not with NO_COLOR."""
    assert "\x1b[32mweb1\x1b[0m: True" in on_terminal("run", "web1", "test.ping").out
    assert "\x1b" not in saltern("run", "web1", "test.ping").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in on_terminal("run", "web1", "test.ping").out


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that another thread makes true."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.005)


def test_a_controller_that_restarts_is_waited_for(
    saltern: Saltern, controller: FakeController, api: Served
) -> None:
    """The job goes on without it, and so does its watcher; each result is shown once."""
    controller.functions["test.sleep"] = lambda agent, request: (
        value("early") if agent.name == "web1" else Answer(held=True)
    )
    results: list[Any] = []
    watcher = threading.Thread(target=lambda: results.append(saltern("run", "web[12]", "test.sleep")))
    watcher.start()
    until(lambda: controller.watching == 1)
    api.down()
    until(lambda: controller.watching == 0)
    api.up()
    until(lambda: controller.watching == 1)
    jid = JobId(api.do(lambda: next(iter(controller._jobs))))
    api.do(lambda: controller.settle(jid, "web2", value("late")))
    watcher.join(timeout=30)
    (done,) = results
    assert done.out == "web1: early\nweb2: late\n"
    assert "waiting for it to come back" in done.err
    assert done.code == 0


class TestOutputters:
    """``--out`` and what goes with it."""

    def test_each_as_it_comes_or_all_at_the_end(self, saltern: Saltern) -> None:
        """Who has nothing to show says why."""
        done = saltern("run", "*", "test.ping", "--out", "yaml")
        assert sorted(done.out.splitlines()) == [
            "db1: 'offline: not connected'",
            "web1: true",
            "web2: true",
            "web3: true",
        ]
        static = saltern("run", "*", "test.ping", "--output", "json", "--static", "--out-indent", "-1")
        assert json.loads(static.out) == {
            "db1": "offline: not connected",
            "web1": True,
            "web2": True,
            "web3": True,
        }
        assert static.out.count("\n") == 1
        assert static.code == 4

    def test_large_data_is_fetched(self, saltern: Saltern, controller: FakeController) -> None:
        """It does not travel in the line."""
        controller.functions["big"] = lambda agent, request: value("x" * 300_000)
        done = saltern("run", "web1", "big", "--out", "txt")
        assert done.out == f"web1: {'x' * 300_000}\n"

    def test_into_a_file_that_nobody_else_reads(self, saltern: Saltern, tmp_path: Path) -> None:
        """Anew, or added to; without colours."""
        file = tmp_path / "out"
        for _ in range(2):
            assert saltern("run", "web1", "test.ping", "--out-file", str(file), "--color", "always").out == ""
        assert file.read_text() == "web1: True\n"
        assert file.stat().st_mode & 0o777 == 0o600
        saltern("run", "web2", "test.ping", "--out", "txt", "--out-file", str(file), "--out-file-append")
        assert file.read_text() == "web1: True\nweb2: true\n"
        assert saltern("run", "web1", "test.ping", "--out-file", str(tmp_path)).code != 0

    def test_a_summary_has_names(self, saltern: Saltern) -> None:
        """Of those that are not ok."""
        err = saltern("run", "*", "test.ping", "--out", "quiet", "--summary").err
        assert "offline: db1" in err
        assert "web1" not in err.splitlines()[-1]

    def test_quiet_is_quiet_and_the_exit_code_tells(self, saltern: Saltern) -> None:
        """Nothing on stdout."""
        done = saltern("run", "*", "test.ping", "--out", "quiet")
        assert (done.out, done.code) == ("", 4)

    def test_colours_as_one_likes(self, saltern: Saltern) -> None:
        """Also where there is no terminal."""
        assert "\x1b[" in saltern("run", "web1", "test.ping", "--color", "always").out
        assert "\x1b[" not in saltern("run", "web1", "test.ping", "--color", "never").out
