"""All commands but the main one."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern import __version__
from saltern.cli.catalogue import COMMANDS, GROUPS, parser_of
from saltern.cli.exit_codes import MEANING, ExitCode
from saltern.model.agent import KeyState
from saltern.model.returner import ReturnerStatus
from saltern.model.served import ServedEnvironment
from saltern.model.status import Status
from saltern.model.system import AuditReport, Happening
from saltern.testing.controller import Answer, FakeController, agent_key, value
from saltern.testing.served import Served

Saltern = Callable[..., Any]


class Keyboard(io.StringIO):
    """A person who has typed something."""

    def isatty(self) -> bool:
        """A person, not a file."""
        return True


@pytest.mark.usefixtures("api")
class TestMinions:
    """Who is there."""

    def test_the_table(self, saltern: Saltern) -> None:
        """Columns under each other, and a count."""
        done = saltern("minions", "[dw]*[12]")
        head, first, second, third = done.out.splitlines()
        assert head.split("  ")[0] == "NAME"
        assert re.match(r"db1 +offline +\d+ d ago +12 min ago", first)
        assert re.match(r"web1 +online +\d+ d ago +now +" + __version__ + r" +10\.0\.0\.7$", second)
        assert head.index("PRESENCE") == first.index("offline") == third.index("online")
        assert done.err == "3 agents: 2 online, 1 offline\n"

    def test_filters_and_json(self, saltern: Saltern) -> None:
        """By presence; one agent a line."""
        names = [
            json.loads(line)["name"] for line in saltern("minions", "--offline", "--json").out.splitlines()
        ]
        assert names == ["db1"]
        assert saltern("minions", "nobody").code == ExitCode.NOBODY


@pytest.mark.usefixtures("api")
class TestKeys:
    """Whose key is trusted."""

    @pytest.fixture(autouse=True)
    def waiting(self, controller: FakeController) -> None:
        """Two agents wait; they claim one name."""
        controller.add("new", state=KeyState.PENDING, online=False)
        controller.add("new", state=KeyState.PENDING, online=False, key=agent_key("impostor"))

    def test_the_list_has_fingerprints(self, saltern: Saltern, controller: FakeController) -> None:
        """So that they can be compared with what the agent shows."""
        done = saltern("key", "list", "--state", "pending")
        assert controller.fleet[agent_key("new")].fingerprint in done.out
        assert controller.fleet[agent_key("impostor")].fingerprint in done.out
        assert "web1" not in done.out

    def test_one_of_two_with_the_same_name(self, saltern: Saltern, controller: FakeController) -> None:
        """The fingerprint tells which."""
        right = controller.fleet[agent_key("new")].fingerprint
        assert saltern("key", "accept", "new", "--fingerprint", right, "--yes").out == "accepted new\n"
        assert controller.fleet[agent_key("new")].state is KeyState.ACCEPTED
        assert controller.fleet[agent_key("impostor")].state is KeyState.PENDING

    @pytest.mark.parametrize(("typed", "state"), [("y\n", "rejected"), ("n\n", "pending"), ("", "pending")])
    def test_a_person_is_asked(
        self,
        saltern: Saltern,
        controller: FakeController,
        monkeypatch: pytest.MonkeyPatch,
        typed: str,
        state: str,
    ) -> None:
        """And sees what would change."""
        monkeypatch.setattr("sys.stdin", Keyboard(typed))
        done = saltern("key", "reject", "new")
        assert controller.fleet[agent_key("new")].fingerprint in done.err
        assert "reject 2 keys? [y/N]" in done.err
        assert controller.fleet[agent_key("new")].state == state
        assert (done.code == 0) == (typed == "y\n")

    def test_without_a_person_nothing_is_assumed(
        self, saltern: Saltern, controller: FakeController, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A script must say --yes."""
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        done = saltern("key", "delete", "*")
        assert (done.code, "add --yes" in done.err) == (ExitCode.USAGE, True)
        assert len(controller.fleet) == 6

    def test_revoke_and_delete(self, saltern: Saltern, controller: FakeController) -> None:
        """Accepted agents are cut off; any key can be forgotten."""
        assert saltern("key", "revoke", "web[12]", "-y").out == "revoked web1\nrevoked web2\n"
        assert controller.fleet[agent_key("web1")].state is KeyState.REVOKED
        assert saltern("key", "delete", "web1", "-y", "--json").code == 0
        assert agent_key("web1") not in controller.fleet
        assert saltern("key", "revoke", "new", "-y").code == ExitCode.NOBODY


@pytest.mark.usefixtures("api")
class TestTokens:
    """Join tokens."""

    def test_stdout_holds_the_token_alone(self, saltern: Saltern, controller: FakeController) -> None:
        """For ``$(saltern token create)``."""
        options = [
            "--ttl",
            "1d",
            "--uses",
            "any",
            "--id-pattern",
            "web*",
            "--grain",
            "role=web",
            "--note",
            "rack 7",
        ]
        done = saltern("token", "create", *options)
        assert done.out == "secret-of-token-1\n"
        assert "any number of agents" in done.err
        assert controller.decisions[0].arguments == {
            "ttl": 86400.0,
            "uses": None,
            "id_pattern": "web*",
            "grains": {"role": "web"},
            "note": "rack 7",
        }
        listed = saltern("token", "list")
        assert "secret" not in listed.out
        assert "role=web" in listed.out
        assert saltern("token", "revoke", "token-1").out == "revoked token-1\n"
        assert json.loads(saltern("token", "list", "--json").out)["revoked"] is not None

    @pytest.mark.parametrize(
        "words", [["--grain", "role"], ["--uses", "many"], ["--ttl", "0s"], ["--uses", "0"]]
    )
    def test_wrong_options(self, saltern: Saltern, controller: FakeController, words: list[str]) -> None:
        """Nothing is made."""
        assert saltern("token", "create", *words).code == ExitCode.USAGE
        assert controller.decisions == []


@pytest.mark.usefixtures("api")
class TestJobs:
    """What became of it."""

    @pytest.fixture
    def jid(self, saltern: Saltern, controller: FakeController) -> str:
        """A job that is over on two agents, goes on on one, and waits for one."""

        def mixed(agent: Any, request: Any) -> Answer:
            if agent.name == "web3":
                return Answer(held=True)
            failed = Status.FAILED if agent.name == "web2" else Status.OK
            return value("x\ny", status=failed, retcode=int(agent.name == "web2"))

        controller.functions["cmd.run"] = mixed
        jid = saltern("run", "*", "cmd.run", "make all", "cwd=/", "--async", "--queue", "1h").out.strip()
        assert len(jid) == 20
        return str(jid)

    def test_list(self, saltern: Saltern, jid: str) -> None:
        """Newest first, with what was asked."""
        saltern("run", "web1", "test.ping")
        done = saltern("job", "list", "--fun", "cmd.*")
        assert done.out.splitlines()[1:] == [line for line in done.out.splitlines() if line.startswith(jid)]
        assert "cmd.run make all cwd=/" in done.out
        everything = [json.loads(line)["fun"] for line in saltern("job", "list", "--json").out.splitlines()]
        assert everything == ["test.ping", "cmd.run"]

    def test_show_tells_also_what_is_not_over(self, saltern: Saltern, jid: str) -> None:
        """Results, and who still runs or waits."""
        done = saltern("job", "show", jid)
        assert done.out == (
            "web1:\n    x\n    y\ndb1: queued\nweb3: running\nweb2: failed (exit code 1)\n    x\n    y\n"
        )
        assert f"job {jid}: cmd.run make all cwd=/" in done.err
        assert "1 ok, 1 queued, 1 running, 1 failed" in done.err
        assert done.code == ExitCode.FAILED

    def test_show_one_agent(self, saltern: Saltern, jid: str) -> None:
        """By name or glob; whole with --json."""
        assert json.loads(saltern("job", "show", jid, "web1", "--json").out)["data"] == "x\ny"
        assert saltern("job", "show", jid, "mail*").code == ExitCode.NOBODY

    def test_rerun_of_what_failed(self, saltern: Saltern, controller: FakeController, jid: str) -> None:
        """And of what never ended; not of what was well."""
        saltern("job", "cancel", jid)
        controller.functions["cmd.run"] = lambda agent, request: value("mended")
        done = saltern("job", "rerun", jid, "--failed")
        assert done.out == "web[2-3] (2): mended\ndb1: offline — not connected\n"

    def test_rerun_where_nothing_ran(self, saltern: Saltern, controller: FakeController, jid: str) -> None:
        """Not where it failed."""
        saltern("job", "cancel", jid)
        controller.add("db1", online=True)
        controller.functions["cmd.run"] = lambda agent, request: value("mended")
        failed = json.loads(saltern("job", "rerun", jid, "--missing", "--json").err or "{}")
        assert failed["error"]["code"] == "no_match"  # cancelled is an end

    def test_wait_says_how_it_went_and_shows_nothing(
        self, saltern: Saltern, controller: FakeController, jid: str
    ) -> None:
        """Exit codes for scripts; a time to give up."""
        given_up = saltern("job", "wait", jid, "--timeout", "0.05s")
        assert (given_up.code, given_up.out) == (ExitCode.STOPPED, "")
        assert "has not ended within 0.05s" in given_up.err
        saltern("job", "kill", jid)
        done = saltern("job", "wait", jid)
        assert (done.code, done.out) == (ExitCode.FAILED, "")

    def test_export_has_all_that_is_known(self, saltern: Saltern, jid: str) -> None:
        """The job first, then each target, also those that have not ended."""
        first, *rest = map(json.loads, saltern("job", "export", jid).out.splitlines())
        assert first["job"]["jid"] == jid
        assert {each["name"]: each["status"] for each in rest} == {
            "web1": "ok",
            "web2": "failed",
            "web3": "running",
            "db1": "queued",
        }
        assert next(each for each in rest if each["name"] == "web1")["data"] == "x\ny"

    def test_find_by_text_and_time(self, saltern: Saltern, controller: FakeController, jid: str) -> None:
        """Text in the arguments, dates, and every page."""
        saltern("run", "web1", "test.ping", "needle")
        found = saltern("job", "list", "--text", "needle", "--json").out.splitlines()
        assert [json.loads(line)["args"] for line in found] == [["needle"]]
        assert saltern("job", "list", "--until", "1971-01-01").err == "no jobs\n"
        assert len(saltern("job", "list", "--since", "1971-01-01", "--all", "--json").out.splitlines()) == 2
        page = saltern("job", "list", "--limit", "1")
        assert "or --all" in page.err
        wrong = saltern("job", "list", "--since", "yesteryear")
        assert wrong.code == ExitCode.USAGE
        assert "2026-11-22" in wrong.err

    def test_cancel_as_json(self, saltern: Saltern, jid: str) -> None:
        """The tally."""
        answer = json.loads(saltern("job", "cancel", jid, "--json").out)
        assert answer == {"jid": jid, "counts": {"ok": 1, "failed": 1, "cancelled": 2}}

    @pytest.mark.parametrize("verb", ["show", "watch", "cancel", "rerun", "kill", "wait", "export"])
    def test_a_wrong_id(self, saltern: Saltern, verb: str) -> None:
        """Malformed, or of no job."""
        assert saltern("job", verb, "17").code == ExitCode.USAGE
        assert saltern("job", verb, "20250101000000000000").code == ExitCode.NOBODY


@pytest.mark.usefixtures("api")
class TestReturners:
    """Where else returns go."""

    def test_list_status_retry_and_test(self, saltern: Saltern, controller: FakeController) -> None:
        """For people; what fails has an exit code."""
        assert saltern("returner", "list").err.startswith("no returners\nhint: ")
        told: dict[str, Any] = {
            "kind": "file",
            "address": "/x\x1b[31m",
            "waiting": 1200,
            "always": True,
            "functions": ("*",),
        }
        controller.returners["there"] = ReturnerStatus(name="there", **told)
        listed = saltern("returner", "list").out
        assert "1,200" in listed
        assert "\x1b" not in listed
        assert saltern("returner", "status", "there").code == ExitCode.OK
        assert saltern("returner", "test", "there").code == ExitCode.OK
        controller.returners["there"] = ReturnerStatus(name="there", error="gone", error_at=1.0, **told)
        assert saltern("returner", "status", "there").code == ExitCode.FAILED
        tried = saltern("returner", "test", "there")
        assert (tried.code, tried.err) == (ExitCode.FAILED, "error: gone\n")
        assert saltern("returner", "retry", "there").out == "0 returns to be delivered again to there\n"
        wrong = saltern("returner", "status", "theer")
        assert wrong.code == ExitCode.NOBODY
        assert "did you mean 'there'?" in wrong.err

    def test_a_job_asks_for_returners(self, saltern: Saltern, controller: FakeController) -> None:
        """With commas, and several times."""
        saltern("run", "web1", "test.ping", "--return", "a,b", "--return", "c")
        assert controller.decisions[-1].arguments["returners"] == ("a", "b", "c")


@pytest.mark.usefixtures("api")
class TestSystem:
    """The controller itself."""

    def test_status(self, saltern: Saltern) -> None:
        """For people and programs."""
        assert "agents    4: 3 online, 1 offline\n" in saltern("controller", "status").out
        assert json.loads(saltern("controller", "status", "--json").out)["pending"] == 0

    def test_a_broken_audit_log_fails(self, saltern: Saltern, controller: FakeController) -> None:
        """Loudly."""
        assert saltern("audit", "verify").code == 0

        async def broken() -> AuditReport:
            return AuditReport(whole=False, entries=7, problem="entry 3 was changed", at=3)

        controller.verify_audit = broken  # type: ignore[method-assign]
        done = saltern("audit", "verify")
        assert (done.code, done.out) == (1, "broken at entry 3: entry 3 was changed\n")

    def test_the_audit_log_is_shown(self, saltern: Saltern) -> None:
        """What was decided, one a line; a whole log has no loss to accept."""
        saltern("run", "web1", "test.ping")
        assert "job.run" in saltern("audit", "list").out
        assert saltern("audit", "list", "--after", "1", "--json").code == 0
        assert saltern("audit", "accept-loss").code == ExitCode.USAGE
        assert "nothing was lost" in saltern("audit", "accept-loss", "--yes").err

    def test_target(self, saltern: Saltern) -> None:
        """Who is meant and by which terms, or the names alone; nobody is an exit code of its own."""
        assert saltern("target", "web*").out == "web[1-3]  web*\n"
        assert saltern("target", "web*", "--names").out == "web1\nweb2\nweb3\n"
        assert saltern("target", "-L", "web1,db1", "--json").code == 0
        assert saltern("target", "nobody").code == ExitCode.NOBODY

    def test_events(self, saltern: Saltern, controller: FakeController, api: Served) -> None:
        """One a line, until the controller stops."""

        async def two(pattern: str) -> Any:
            yield Happening(at=1.0, tag="agent/start", name="web1", data={"version": "1"})
            yield Happening(at=2.0, tag="fabric/up")

        controller.events = two  # type: ignore[method-assign]
        lines = saltern("events").out.splitlines()
        assert lines[0].endswith('  web1  agent/start  {"version":"1"}')
        assert lines[1].endswith("  controller  fabric/up")
        assert json.loads(saltern("events", "--json").out.splitlines()[1])["tag"] == "fabric/up"


def test_without_a_controller(saltern: Saltern, tmp_path: Path) -> None:
    """A clear word, and how to start one."""
    for words in (["minions"], ["run", "*", "test.ping"], ["key", "list"]):
        done = saltern(*words)
        assert done.code == ExitCode.UNAVAILABLE
        assert "there is no controller here" in done.err
        assert str(tmp_path) in done.err
        assert "saltern controller" in done.err


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["--out", "json", "--out-indent", "-1"], '{"local": [1, "b"]}\n'),
        (["--out", "yaml"], "local:\n- 1\n- b\n"),
        (["--out", "yaml", "--id", "web1"], "web1:\n- 1\n- b\n"),
        (["--out", "quiet"], ""),
    ],
)
def test_call_through_an_outputter(saltern: Saltern, words: list[str], out: str) -> None:
    """As Salt shows it: below the name ``local``."""
    done = saltern("call", "test.echo", "[1, b]", *words)
    assert (done.code, done.out) == (0, out)


def test_call_into_a_file_and_misspelt(saltern: Saltern, tmp_path: Path) -> None:
    """The file is private; nothing is done when there is no such outputter."""
    made = tmp_path / "result"
    assert saltern("call", "test.ping", "--out", "txt", "--out-file", str(made)).out == ""
    assert (made.read_text(), made.stat().st_mode & 0o777) == ("local: true\n", 0o600)
    done = saltern("call", "file.touch", str(tmp_path / "touched"), "--out", "jsno")
    assert (done.code, "did you mean" in done.err) == (2, True)
    assert not (tmp_path / "touched").exists()


def test_call_needs_no_controller(saltern: Saltern) -> None:
    """The value alone on stdout; the error on stderr."""
    assert saltern("call", "test.echo", "hello").out == "hello\n"
    assert json.loads(saltern("call", "test.ping", "--json").out) == {
        "fun": "test.ping",
        "status": "ok",
        "retcode": 0,
        "data": True,
    }
    done = saltern("call", "test.pingg")
    assert (done.code, done.out) == (ExitCode.FAILED, "")
    assert "test.ping" in done.err
    assert saltern("call").code == ExitCode.USAGE
    assert saltern("call", "--local", "cmd.run", "exit 3").code == ExitCode.FAILED


def test_doc(saltern: Saltern) -> None:
    """A function, a noun, everything."""
    assert saltern("doc", "test.echo").out.startswith("test.echo(")
    assert "cmd.run" in saltern("doc", "cmd").out
    assert "test.ping" in saltern("doc").out
    assert json.loads(saltern("doc", "test.ping", "--json").out)["name"] == "test.ping"
    assert saltern("doc", "test.pingg").code == ExitCode.NOBODY


def test_agent_fingerprint_before_it_has_a_key(saltern: Saltern) -> None:
    """Says so, and what to do."""
    done = saltern("agent", "fingerprint")
    assert (done.code, "saltern agent join" in done.err) == (ExitCode.NOBODY, True)
    assert saltern("agent", "join").code == ExitCode.USAGE


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_version(saltern: Saltern, words: list[str]) -> None:
    """Both ways."""
    assert saltern(*words).out == f"saltern {__version__}\n"


def test_help(saltern: Saltern) -> None:
    """An overview, subjects, and every command with examples."""
    for words in ([], ["--help"], ["help"]):
        assert "Run a function on many machines at once" in saltern(*words).out
    codes = saltern("help", "exit-codes").out
    assert all(f"{code:>4}  {meaning}" in codes for code, meaning in MEANING.items())
    assert "saltern run '*' test.ping" in saltern("help", "run").out
    assert "older than this job" in saltern("help", "job", "list").out
    assert saltern("help", "rum").code == ExitCode.NOBODY


def test_every_command_is_in_the_overview_once_and_has_examples() -> None:
    """Nothing is hidden."""
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS)
    for name in COMMANDS:
        text = parser_of(name).format_help()
        assert name == "version" or f"saltern {name}" in text.partition("examples:")[2]


def test_every_exit_code_is_explained() -> None:
    """In the program; the page is made from it."""
    assert set(MEANING) == set(ExitCode)


@pytest.mark.usefixtures("api")
class TestFiles:
    """What is served to agents."""

    def test_list_and_refresh(self, saltern: Saltern, controller: FakeController) -> None:
        """For people; a backend that could not be refreshed has an exit code."""
        assert saltern("files", "list").err.startswith("no environments\nhint: ")
        controller.files.environments = [
            ServedEnvironment(name="base", sha256="ab" * 32, files=1200, size=7, looked=1.0),
            ServedEnvironment(name="dev\x1b[31m"),
        ]
        listed = saltern("files", "list").out
        assert "abababababab" in listed
        assert "1,200" in listed
        assert "nobody has asked yet" in listed
        assert "\x1b" not in listed
        controller.files.problems = {"git/0": ""}
        assert saltern("files", "refresh").out == "git/0: ok\n"
        controller.files.problems = {"git/0": "no answer"}
        refreshed = saltern("files", "refresh")
        assert (refreshed.code, refreshed.out) == (ExitCode.FAILED, "git/0: no answer\n")
