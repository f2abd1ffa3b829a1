"""What a controller serves to agents."""

from __future__ import annotations

import msgspec


class ServedEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """An environment as agents were told of it last; without ``sha256`` none has asked since the start."""

    name: str
    sha256: str = ""  # the tree's name
    revision: str = ""  # such as a git commit
    files: int = 0
    size: int = 0  # bytes of all files
    looked: float | None = None  # when it was so; seconds since the epoch


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was taken in: what to call it in the job that gives it to agents."""

    sha256: str
    size: int


class FilesRefreshed(msgspec.Struct, frozen=True, kw_only=True):
    """How it went: what is wrong by backend (``git/0``), and nothing for those where all is well."""

    problems: dict[str, str]
