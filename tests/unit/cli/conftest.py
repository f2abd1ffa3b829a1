"""The command line against a served fake controller."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from saltern.cli.main import main
from saltern.testing.controller import FakeController
from saltern.testing.served import Served, served


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


Saltern = Callable[..., Outcome]


@pytest.fixture
def controller() -> FakeController:
    """A fleet of three web servers and a database that is away."""
    fake = FakeController()
    fake.add("web1", "web2", "web3", address="10.0.0.7")
    fake.add("db1", online=False, last_seen=time.time() - 720)
    return fake


@pytest.fixture
def api(controller: FakeController, tmp_path: Path) -> Iterator[Served]:
    """The API where the command looks for it."""
    with served(controller, tmp_path / "run/saltern/api.sock") as thing:
        yield thing


@pytest.fixture
def saltern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Saltern:
    """Runs ``saltern WORDS`` and returns exit code, stdout and stderr."""
    monkeypatch.setenv("SALTERN_ROOT", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def run(*words: str) -> Outcome:
        capsys.readouterr()
        code = main(words)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def on_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Saltern:
    """Runs ``saltern WORDS`` as a person sees it: stdout and stderr are terminals."""
    monkeypatch.setenv("SALTERN_ROOT", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def run(*words: str) -> Outcome:
        out, err = Terminal(), Terminal()
        with monkeypatch.context() as patched:
            patched.setattr("sys.stdout", out)
            patched.setattr("sys.stderr", err)
            code = main(words)
        return Outcome(code, out.getvalue(), err.getvalue())

    return run
