"""A program to run, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

#: Bytes of output kept in memory; a program that writes more is killed.
OUTPUT_LIMIT = 512 * 1024 * 1024

#: The code of a program that was killed because its time was over, as of coreutils' ``timeout``.
TIMED_OUT = 124


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A program and its surroundings. Nothing here passes through a shell unless ``argv`` names one."""

    argv: tuple[str, ...]
    stdin: bytes = b""
    cwd: str | None = None  # None: the user's home with ``user``, else the agent's directory
    env: Mapping[str, str | None] = {}  # laid over the host's environment; None takes a name away
    clean_env: bool = False  # start from an empty environment
    user: str | None = None  # run as this user (root only, unless it is oneself)
    group: str | None = None
    umask: int | None = None
    timeout: float | None = None  # seconds; then the whole process group is killed
    merge: bool = False  # stderr into stdout, in the order written
    stream: bool = False  # hand output to ``host.emit`` as it comes
    limit: int = OUTPUT_LIMIT


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended. ``retcode`` is negative for a signal, 124 when its time was over."""

    pid: int
    retcode: int
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False
