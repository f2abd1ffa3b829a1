"""Where things lie on disk, under one root."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Layout(NamedTuple):
    """The directories of one installation. ``root`` is ``/`` for a packaged one."""

    root: Path

    @classmethod
    def choose(cls, root: str | os.PathLike[str] | None = None) -> Layout:
        """Take ``root``, else ``SALTERN_ROOT``, else ``/`` for root and ``~/.saltern`` for others."""
        chosen = root or os.environ.get("SALTERN_ROOT")
        if chosen:
            return cls(Path(chosen).absolute())
        return cls(Path("/") if os.geteuid() == 0 else Path.home() / ".saltern")

    @property
    def settings(self) -> Path:
        """Settings files: ``controller.yaml``, ``agent.yaml``, ``grains``."""
        return self.root / "etc/saltern"

    @property
    def controller(self) -> Path:
        """The controller's private state."""
        return self.root / "var/lib/saltern/controller"

    @property
    def agent(self) -> Path:
        """The agent's private state: key, credential, spool, journal."""
        return self.root / "var/lib/saltern/agent"

    @property
    def socket(self) -> Path:
        """The API's Unix socket."""
        return self.root / "run/saltern/api.sock"
