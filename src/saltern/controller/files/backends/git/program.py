"""The program git, run so that it can't ask, hang, start something else, or tell a secret."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.parse import urlsplit

from saltern.controller.files.backends.git.settings import Remote
from saltern.foundation.errors import Unavailable

#: Bytes of one answer that are willingly read.
_LARGEST = 256 * 1024 * 1024
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TMPDIR")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_SETTINGS: Mapping[str, str] = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "fetch.recurseSubmodules": "false",
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "30",
    "safe.directory": "*",
}
#: Gives git what is in the environment; the text holds no secret.
_HELPER = (
    '!f() { test "$1" = get && '
    'printf "username=%s\\npassword=%s\\n" "$SALTERN_USER" "$SALTERN_PASSWORD"; }; f'
)


def environment(settings: Mapping[str, str] = {}) -> dict[str, str]:
    """Return git's environment: no settings of the user or the machine, no questions, no hooks."""
    names = (*_PASSED_ON, *_PROXIES, *map(str.upper, _PROXIES))
    made = {name: os.environ[name] for name in names if name in os.environ}
    made |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "GIT_OPTIONAL_LOCKS": "0"}
    made |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_NO_REPLACE_OBJECTS": "1"}
    for number, (name, value) in enumerate({**_SETTINGS, **settings}.items()):
        made |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return {**made, "GIT_CONFIG_COUNT": str(len({**_SETTINGS, **settings}))}


def remote_environment(remote: Remote) -> dict[str, str]:
    """Return the environment in which git may speak to one remote, with the credentials for it alone."""
    settings: dict[str, str] = {}
    if remote.ssl_verify is False:
        settings["http.sslVerify"] = "false"
    elif isinstance(remote.ssl_verify, str):
        settings["http.sslCAInfo"] = remote.ssl_verify
    secret = remote.secret()
    if secret and remote.protocol in ("http", "https"):
        host = urlsplit(remote.url)
        settings[f"credential.{host.scheme}://{host.netloc}.helper"] = _HELPER
    made = environment(settings)
    if secret:
        made |= {"SALTERN_USER": remote.user or "git", "SALTERN_PASSWORD": secret}
    allowed = {"http": "http:https"}.get(remote.protocol, remote.protocol)
    return {**made, "GIT_ALLOW_PROTOCOL": allowed, "GIT_SSH_VARIANT": "ssh", "GIT_SSH_COMMAND": _ssh(remote)}


def _ssh(remote: Remote) -> str:
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=20", "ServerAliveInterval=15"]
    options += ["PermitLocalCommand=no", "ForwardAgent=no", "ClearAllForwardings=yes"]
    if remote.known_hosts:
        options += [f'UserKnownHostsFile="{remote.known_hosts}"', "GlobalKnownHostsFile=/dev/null"]
    if remote.privkey:
        options += ["IdentitiesOnly=yes", f'IdentityFile="{remote.privkey}"']
    return shlex.join(["ssh", *(word for option in options for word in ("-o", option))])


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout: float,
    what: str,
    secret: str = "",
    keep: int | None = None,
) -> bytes:
    """Return what ``git argv`` writes; after ``timeout`` seconds it is killed with all it has started.

    ``keep`` is a descriptor that git inherits.

    Raises Unavailable that begins with ``what``, and never tells ``secret``.
    """
    with tempfile.TemporaryFile() as complaints:
        try:
            process = _start(argv, environment, complaints, keep)
        except FileNotFoundError:
            raise Unavailable("the program git is not on this machine", hint="install git") from None
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(timeout, end)
        timer.start()
        try:
            assert process.stdout is not None
            data = process.stdout.read(_LARGEST + 1)
            if len(data) > _LARGEST:
                raise Unavailable(f"{what}: git says more than {_LARGEST} bytes")
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        finally:
            timer.cancel()
            _kill(process)  # not reaped yet: the group is still this one's
            process.communicate()
        if late.is_set():
            raise Unavailable(f"{what}: no answer within {timeout:g} seconds", hint="see its option timeout")
        if process.returncode != 0:
            raise Unavailable(f"{what}: {_said(complaints, secret)}")
        return data


def _start(
    argv: Sequence[str], environment: Mapping[str, str], complaints: IO[bytes], keep: int | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["git", *argv],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        start_new_session=True,
        pass_fds=() if keep is None else (keep,),
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _said(complaints: IO[bytes], secret: str) -> str:
    """Return the last lines of git's complaints, on one line, without the secret and what isn't text."""
    complaints.seek(0)
    text = complaints.read(65536).decode(errors="replace")
    lines = [re.sub(r"[^\x20-\x7e]", " ", line).strip() for line in text.splitlines()]
    said = "; ".join([line for line in lines if line][-4:]) or "git failed"
    return said.replace(secret, "********") if secret else said


class Objects:
    """The blobs of one repository: a ``cat-file`` that answers as long as it is kept."""

    #: Bytes of a blob that are held in memory; larger ones are read by a program of their own.
    HELD = 4 * 1024 * 1024

    def __init__(self, directory: Path) -> None:
        """Take the repository; nothing is started yet."""
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, blob: str) -> bytes:
        """Return a blob's content. Raises Unavailable when it is not there any more."""
        asked = self._running()
        assert asked.stdin is not None
        assert asked.stdout is not None
        try:
            asked.stdin.write(f"{blob}\n".encode())
            asked.stdin.flush()
            words = asked.stdout.readline().split()
            if len(words) == 3 and words[1] == b"blob":
                size = int(words[2])
                data = asked.stdout.read(size + 1)
                if len(data) == size + 1:
                    return data[:-1]
        except BrokenPipeError:
            words = []
        self.close()
        raise Unavailable(f"the blob {blob} can't be read from {self._directory}")

    def stream(self, blob: str) -> BinaryIO:
        """Return a large blob's content, to be closed."""
        return io.BufferedReader(_Stream(self._start("blob", blob), blob), 256 * 1024)

    def close(self) -> None:
        """Stop the program."""
        if self._process is not None:
            _stop(self._process)
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = self._start("--batch")
        return self._process

    def _start(self, *argv: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["git", f"--git-dir={self._directory}", "cat-file", *argv],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


class _Stream(io.RawIOBase):
    """What a program writes; Unavailable at the end when it failed."""

    def __init__(self, process: subprocess.Popen[bytes], blob: str) -> None:
        self._process = process
        self._blob = blob

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        assert self._process.stdout is not None
        data = self._process.stdout.read(len(buffer))
        buffer[: len(data)] = data
        if not data and self._process.wait() != 0:
            raise Unavailable(f"the blob {self._blob} can't be read")
        return len(data)

    def close(self) -> None:
        if not self.closed:
            _stop(self._process)
        super().close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    _kill(process)
    process.communicate()
