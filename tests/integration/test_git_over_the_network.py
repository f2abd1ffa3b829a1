"""Fetching from real git servers: http, ssh, git; and from some that mean ill or don't answer."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from saltern.controller.files.backend import Backend, Place, build
from saltern.foundation.errors import Unavailable
from saltern.testing.conditions import eventually
from saltern.testing.git_web import Web, serving
from saltern.testing.repository import Repository

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("git") is None, reason="the program git is not on this machine"),
]
SECRET = "hunter2'$(touch x)\"\\ %s"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "origin")
    made.commit({"a": "one"})
    return made


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    made: list[Backend] = []

    def make(url: str, **options: Any) -> Backend:
        made.extend(build([{"git": {"remotes": [{"url": url, **options}]}}], Place(tmp_path / "state")))
        return made[-1]

    yield make
    for each in made:
        each.close()


def read(backend: Backend) -> bytes:
    with backend.open("base", "a") as file:
        return file.read()


def test_over_http(repository: Repository, git: Callable[..., Backend], tmp_path: Path) -> None:
    with serving(Web(tmp_path)) as web:
        backend = git(f"{web.url}/origin")
        backend.refresh()
        assert read(backend) == b"one"
        commit = repository.commit({"a": "two"})
        backend.refresh()
        assert backend.revision("base") == commit
        asked = len(web.seen)
        backend.refresh()
        assert len(web.seen) - asked == 2  # nothing new: one question for the protocol, one for the refs


def test_over_http_with_a_password_that_nobody_else_sees(
    repository: Repository, git: Callable[..., Backend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    real = subprocess.Popen

    def popen(argv: list[str], **options: Any) -> Any:
        started.append(argv)
        return real(argv, **options)

    (tmp_path / "password").write_text(SECRET + "\nnot this\n")
    with serving(Web(tmp_path, password=SECRET)) as web:
        monkeypatch.setattr("saltern.controller.files.backends.git.program.subprocess.Popen", popen)
        backend = git(f"{web.url}/origin", password_file=f"{tmp_path}/password", insecure_auth=True)
        backend.refresh()
        assert read(backend) == b"one"
    assert started
    assert not any("hunter2" in word for argv in started for word in argv)
    kept = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert not any(b"hunter2" in data for data in kept)


def test_a_wrong_password_is_an_error_that_does_not_tell_it(
    repository: Repository, git: Callable[..., Backend], tmp_path: Path
) -> None:
    with serving(Web(tmp_path, password="right")) as web:
        backend = git(f"{web.url}/origin", password="hunter2", insecure_auth=True)
        with pytest.raises(Unavailable, match="Authentication failed") as caught:
            backend.refresh()
        assert "hunter2" not in str(caught.value)
        with pytest.raises(Unavailable, match="could not read Username"):
            git(f"{web.url}/origin").refresh()


def test_a_server_that_sends_us_elsewhere_does_not_get_the_password_there(
    repository: Repository, git: Callable[..., Backend], tmp_path: Path
) -> None:
    with serving(Web(tmp_path, password="hunter2")) as thief:
        with serving(Web(tmp_path, elsewhere=thief.url)) as web:
            with pytest.raises(Unavailable):
                git(f"{web.url}/origin", password="hunter2", insecure_auth=True).refresh()
            assert thief.seen
            assert set(thief.seen) == {""}


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/x", "git://127.0.0.1:{}/x", "ssh://git@127.0.0.1:{}/x"])
def test_a_remote_that_hangs_is_given_up_and_nothing_is_left(
    git: Callable[..., Backend], deaf: int, url: str
) -> None:
    if url.startswith("ssh") and shutil.which("ssh") is None:
        pytest.skip("the program ssh is not on this machine")
    begun = time.monotonic()
    with pytest.raises(Unavailable, match=r"no answer within (1|0\.\d+) seconds") as caught:
        git(url.format(deaf), timeout=1.0).refresh()
    assert time.monotonic() - begun < 20
    assert caught.value.hint == "see its option timeout"
    ours = ("git", "ssh", "git-remote-http")
    me = psutil.Process()
    eventually(lambda: not [one for one in me.children(recursive=True) if one.name() in ours])
    eventually(lambda: not _connected_to(deaf))


def _connected_to(port: int) -> list[Any]:
    return [one for one in psutil.net_connections("tcp") if one.raddr and one.raddr.port == port and one.pid]


def test_over_git_daemon(repository: Repository, git: Callable[..., Backend], tmp_path: Path) -> None:
    port = _free_port()
    argv = [
        "git",
        "daemon",
        "--listen=127.0.0.1",
        f"--port={port}",
        "--export-all",
        f"--base-path={tmp_path}",
    ]
    environment = {**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory"}
    with _running(argv, port, {**environment, "GIT_CONFIG_VALUE_0": "*"}):
        backend = git(f"git://127.0.0.1:{port}/origin")
        backend.refresh()
        assert read(backend) == b"one"


class Ssh:
    """An sshd of our own, with a key that it takes and one of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        for name in ("host", "client", "stranger"):
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)]
            subprocess.run(argv, check=True)
        shutil.copy(directory / "client.pub", directory / "authorized")
        self.port = _free_port()
        public = (directory / "host.pub").read_text()
        (directory / "known hosts").write_text(f"[127.0.0.1]:{self.port} {public}")
        options = {
            "ListenAddress": f"127.0.0.1:{self.port}",
            "HostKey": f'"{directory}/host"',
            "AuthorizedKeysFile": f'"{directory}/authorized"',
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "yes",
        }
        text = "".join(f"{name} {value}\n" for name, value in options.items())
        (directory / "config").write_text(text)

    def url(self, path: Path) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[Ssh]:
    program = Path("/usr/sbin/sshd")
    if not program.exists() or os.geteuid() != 0:
        pytest.skip("needs sshd, and root to run it")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    made = Ssh(tmp_path / "ssh keys")
    with _running([str(program), "-D", "-e", "-f", str(made.directory / "config")], made.port):
        yield made


def test_over_ssh_with_a_key(repository: Repository, git: Callable[..., Backend], ssh: Ssh) -> None:
    keys = {"privkey": f"{ssh.directory}/client", "known_hosts": f"{ssh.directory}/known hosts"}
    backend = git(ssh.url(repository.path), **keys)
    backend.refresh()
    assert read(backend) == b"one"


def test_a_host_whose_key_is_not_known_is_not_spoken_to(
    repository: Repository, git: Callable[..., Backend], ssh: Ssh
) -> None:
    (ssh.directory / "empty").write_text("")
    keys = {"privkey": f"{ssh.directory}/client", "known_hosts": f"{ssh.directory}/empty"}
    with pytest.raises(Unavailable, match="Host key verification failed"):
        git(ssh.url(repository.path), **keys).refresh()


def test_a_key_that_the_host_does_not_take_is_an_error(
    repository: Repository, git: Callable[..., Backend], ssh: Ssh
) -> None:
    keys = {"privkey": f"{ssh.directory}/stranger", "known_hosts": f"{ssh.directory}/known hosts"}
    with pytest.raises(Unavailable, match="Permission denied"):
        git(ssh.url(repository.path), **keys).refresh()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def _running(argv: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[None]:
    with subprocess.Popen(
        argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            eventually(lambda: _answers(port) or process.poll() is not None, what=f"{argv[0]} listens")
            assert process.poll() is None
            yield
        finally:
            os.killpg(process.pid, 15)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
