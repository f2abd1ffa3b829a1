"""What the controller asks of a process that renders, and what that answers."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.controller.settings import Pillar


class Setup(msgspec.Struct, frozen=True, kw_only=True, tag="setup"):
    """Said first: the settings, and where settings files, what is kept, and pillars by default are."""

    pillar: Pillar
    nodegroups: dict[str, Any]
    settings: str
    directory: str
    usual: str


class Survey(msgspec.Struct, frozen=True, kw_only=True, tag="survey"):
    """Look at the pillar's trees: which version is it?"""


class Render(msgspec.Struct, frozen=True, kw_only=True, tag="render"):
    """Make the pillar of one agent, or with ``top`` only tell which SLS it has.

    ``told`` are its grains, ``pinned`` the names of those that are the controller's word. ``version`` is
    the trees' that is known to the asker.
    """

    name: str
    told: dict[str, Any]
    pinned: tuple[str, ...]
    pillarenv: str = ""
    saltenv: str = ""
    version: str = ""
    top: bool = False


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no pillar. ``told`` is what an agent may read: places, but no lines of the files."""

    code: str
    message: str
    told: str
    hint: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """``data`` is the pillar's bytes; ``reuse`` the seconds it is good for while nothing changes.

    ``ignored`` are grains that were asked for and are not trusted, ``peak`` is the process's largest size in
    bytes.
    """

    version: str = ""
    data: bytes = b""
    top: dict[str, list[str]] = {}
    reuse: float = 0.0
    ignored: tuple[str, ...] = ()
    problem: Problem | None = None
    peak: int = 0
