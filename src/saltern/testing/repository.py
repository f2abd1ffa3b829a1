"""A real git repository to fetch from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class Repository:
    """A repository with a work tree; its default branch is ``main``."""

    def __init__(self, path: Path) -> None:
        """Make it at ``path``."""
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", "--template=")

    @property
    def url(self) -> str:
        """Its URL on this machine."""
        return f"file://{self.path}"

    def git(self, *argv: str, stdin: bytes = b"") -> str:
        """Run git in it and return what it says. Raises CalledProcessError."""
        who = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.com"}
        who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", "-C", str(self.path), *argv],
            check=True,
            capture_output=True,
            input=stdin,
            env=environment,
        )
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, str | bytes | None] = {}) -> str:
        """Write files (None: remove), commit all that has changed, and return the commit's id."""
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=x")
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, files: Mapping[str, str | bytes | None] = {}) -> str:
        """Make a branch of ``main`` with a commit on it, and return the commit's id."""
        self.git("checkout", "--quiet", "-b", name, "main")
        commit = self.commit(files)
        self.git("checkout", "--quiet", "main")
        return commit
