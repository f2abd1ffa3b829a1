"""Functions against this machine: what a world in memory can't show."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern import __version__
from saltern.engine.call import call
from saltern.engine.outcome import Outcome
from saltern.grains import collect
from saltern.sdk.local import LocalHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    host: LocalHost
    settings = str(tmp_path / "settings")
    host = LocalHost(settings=settings, grains=lambda: collect(host, name="here").values)
    return host


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def result(outcome: Outcome) -> Any:
    assert outcome.error is None, outcome
    return json.loads(outcome.data)


def test_a_pipeline(host: LocalHost) -> None:
    assert result(call(host, "cmd.run", ["printf 'b\\na\\n' | sort"])) == "a\nb"


def test_output_in_the_order_written(host: LocalHost) -> None:
    outcome = call(host, "cmd.run", ["echo 1; echo 2 >&2; echo 3; exit 7"])
    assert (result(outcome), outcome.ok, outcome.retcode) == ("1\n2\n3", False, 7)


def test_time_is_over(host: LocalHost) -> None:
    outcome = call(host, "cmd.run_all", ["echo so far; sleep 600"], {"timeout": 0.5})
    assert outcome.retcode == 124
    assert result(outcome)["stdout"] == "so far\nTimed out after 0.5 seconds"


def test_surroundings(host: LocalHost, tmp_path: Path) -> None:
    options = {
        "cwd": str(tmp_path),
        "env": [{"A": 1}, {"B": None}],
        "umask": 77,
        "prepend_path": "/first",
        "stdin": "from stdin",
    }
    command = 'pwd; umask; echo "$A$B"; echo "${PATH%%:*}"; echo "$LC_MESSAGES"; cat'
    lines = result(call(host, "cmd.run", [command], options)).splitlines()
    assert lines == [str(tmp_path), "0077", "1", "/first", "C", "from stdin"]


def test_environment_as_text(host: LocalHost) -> None:
    assert result(call(host, "cmd.run", ["echo $A"], {"env": "{A: x}"})) == "x"


@AS_ROOT
def test_as_another_user(host: LocalHost) -> None:
    assert result(call(host, "cmd.run", ["id -un"], {"runas": "nobody"})) == "nobody"


def test_a_script(host: LocalHost, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\necho "$1-$2"; exit 3\n')
    options = {"env": {"TMPDIR": str(tmp_path)}}
    outcome = call(host, "cmd.script", [str(script), "'a b' c"], options)
    assert (result(outcome)["stdout"], outcome.retcode) == ("a b-c", 3)
    assert call(host, "cmd.script_retcode", [str(script)]).retcode == 3


@AS_ROOT
def test_a_script_only_root_may_read_runs_as_another(host: LocalHost, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nid -un\n")
    script.chmod(0o600)
    assert result(call(host, "cmd.script", [str(script)], {"runas": "nobody"}))["stdout"] == "nobody"


def test_a_script_leaves_nothing_behind(tmp_path: Path) -> None:
    host = LocalHost(environment={"TMPDIR": str(tmp_path)})
    result(call(host, "cmd.exec_code", ["python3", "print(1)"]))
    assert list(tmp_path.iterdir()) == []


def test_code(host: LocalHost) -> None:
    show = "import sys; print(sys.argv[1:])"
    assert result(call(host, "cmd.exec_code", ["python3", show], {"args": ["a b"]})) == "['a b']"
    outcome = call(host, "cmd.exec_code_all", ["python3", "import sys; sys.exit('no')"])
    assert (outcome.retcode, result(outcome)["stderr"]) == (1, "no")


def test_grains_written_are_grains_read(host: LocalHost) -> None:
    assert result(call(host, "grains.get", ["role"])) == ""
    result(call(host, "grains.setval", ["role", {"web": ["a"]}]))
    result(call(host, "grains.append", ["role:web", "b"]))
    assert result(call(host, "grains.get", ["role:web"])) == ["a", "b"]
    result(call(host, "grains.delkey", ["role"], {"force": True}))
    assert result(call(host, "grains.has_value", ["role"])) is False


@pytest.mark.parametrize(
    "fun", ["test.stack", "test.versions", "status.time", "network.interfaces", "status.uptime"]
)
def test_what_only_this_machine_knows(host: LocalHost, fun: str) -> None:
    assert result(call(host, fun))


def test_versions(host: LocalHost) -> None:
    assert result(call(host, "test.version")) == __version__
    assert result(call(host, "test.versions_information"))["Saltern Version"] == {"Saltern": __version__}
    assert result(call(host, "test.providers"))["cmd"] == "saltern.library.cmd"
    assert len(result(call(host, "test.rand_str"))) == 64


def test_all_of_status(host: LocalHost) -> None:
    found = result(call(host, "status.all_status"))
    assert {"loadavg", "meminfo", "cpustats", "diskusage"} <= set(found)
    assert str(os.getpid()) in result(call(host, "status.procs"))
    assert str(os.getpid()) not in result(call(host, "status.pid", ["pytest"])).splitlines()


def test_a_connection(host: LocalHost, port: int) -> None:
    assert result(call(host, "network.connect", ["127.0.0.1", port]))["result"] is True
    refused = call(host, "network.connect", ["127.0.0.1", 1], {"timeout": 5})
    assert (refused.retcode, result(refused)["result"]) == (1, False)


def test_processes(host: LocalHost) -> None:
    found = result(call(host, "ps.proc_info", [os.getpid()]))
    assert found["pid"] == os.getpid()
    assert found["ppid"] == os.getppid()
    assert found["cwd"] == os.getcwd()
    assert os.getpid() in result(call(host, "ps.get_pid_list"))
    assert abs(found["create_time"] - host.now()) < 86_400
