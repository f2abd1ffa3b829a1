"""Keys made for a test, and text encrypted with them: gpg's and age's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

#: Programs without which nothing can be encrypted.
GPG, AGE = shutil.which("gpg"), shutil.which("age") and shutil.which("age-keygen")


class GpgHome:
    """A directory with one secret key; its agent is ended by ``close``."""

    def __init__(self, directory: Path, name: str = "pillar@example.com") -> None:
        directory.mkdir(mode=0o700, parents=True)
        self.directory = directory
        self._name = name
        self._run("--quick-generate-key", "--passphrase", "", name, "future-default", "default", "never")

    def encrypted(self, text: str) -> str:
        """Return a text as an armoured message."""
        return self._run(
            "--armor", "--encrypt", "--trust-model", "always", "--recipient", self._name, stdin=text
        )

    @property
    def key_id(self) -> str:
        """The id of the key that messages are encrypted with."""
        lines = self._run("--with-colons", "--list-keys").splitlines()
        return next(line.split(":")[4] for line in lines if line.startswith("sub:"))

    def close(self) -> None:
        """End gpg's agent."""
        environment = os.environ | {"GNUPGHOME": str(self.directory)}
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)

    def _run(self, *words: str, stdin: str = "") -> str:
        argv = ["gpg", "--homedir", str(self.directory), "--batch", "--no-tty", "--quiet", *words]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


class AgeKey:
    """An identity of age in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        subprocess.run(["age-keygen", "-o", str(file)], capture_output=True, check=True)
        done = subprocess.run(["age-keygen", "-y", str(file)], capture_output=True, text=True, check=True)
        self.recipient = done.stdout.strip()

    def encrypted(self, text: str) -> str:
        """Return a text as an armoured message."""
        argv = ["age", "--encrypt", "--armor", "--recipient", self.recipient]
        return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout
