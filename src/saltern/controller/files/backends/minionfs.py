"""The backend ``minionfs``: what agents have pushed, each agent's files in a directory with its name."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any, BinaryIO

import msgspec

from saltern.controller.files.backend import Backend, Entry, Place, Pushed
from saltern.controller.files.backends.listed import digest
from saltern.foundation.errors import Conflict, NotFound, SettingsError
from saltern.foundation.settings import read_options
from saltern.sls.tree import is_inside


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options, as Salt's ``minionfs_*``."""

    env: str = "base"
    mountpoint: str = ""
    whitelist: list[str] = []
    blacklist: list[str] = []


def make(options: Any, place: Place) -> Backend:
    """Return the backend. Raises SettingsError."""
    settings = read_options(options, Settings)
    mountpoint = settings.mountpoint.removeprefix("salt://").strip("/")
    if mountpoint and not is_inside(mountpoint):
        raise SettingsError(f"{settings.mountpoint!r} is not a directory within a tree")
    if place.pushed is None:
        raise SettingsError("agents push no files here", hint="minionfs is for files, not for pillar")
    return Minionfs(settings, f"{mountpoint}/" if mountpoint else "", place.pushed)


class Minionfs:
    """``MOUNTPOINT/AGENT/PATH`` is what the agent pushed from ``/PATH``."""

    kind = "minionfs"
    interval = 0.0

    def __init__(self, settings: Settings, prefix: str, pushed: Pushed) -> None:
        """Take the options, the mountpoint (empty, or ending in a slash), and what was pushed."""
        self._settings = settings
        self._prefix = prefix
        self._pushed = pushed
        self._listed: dict[str, tuple[str, str, str]] = {}

    def refresh(self) -> None:
        """Nothing is to be fetched."""

    def environments(self) -> Mapping[str, str]:
        """Return the one environment, which has no revision."""
        return {self._settings.env: ""}

    def revision(self, saltenv: str) -> str | None:
        """Return nothing for the one environment, None for others."""
        return self.environments().get(saltenv)

    def entries(self, saltenv: str) -> Mapping[str, Entry]:
        """Return all that was pushed by agents whose names are let in."""
        if saltenv != self._settings.env:
            return {}
        found: dict[str, Entry] = {}
        listed: dict[str, tuple[str, str, str]] = {}
        for agent, files in self._pushed.agents().items():
            if self._exposed(agent):
                for path, entry in files.items():
                    if is_inside(path):
                        found[f"{self._prefix}{agent}/{path}"] = entry
                        listed[f"{self._prefix}{agent}/{path}"] = (agent, path, entry.token)
        self._listed = listed
        return found

    def open(self, saltenv: str, path: str) -> BinaryIO:
        """Return a file's content, to be closed. Raises NotFound; Conflict when another was pushed since."""
        if saltenv == self._settings.env and not self._listed:
            self.entries(saltenv)
        if saltenv != self._settings.env or path not in self._listed:
            raise NotFound(f"no agent has pushed {path!r}")
        agent, inside, token = self._listed[path]
        file = self._pushed.open(agent, inside)
        if digest(file) != token:
            file.close()
            raise Conflict(f"{agent} has pushed {inside} anew since it was listed", hint="try again")
        file.seek(0)
        return file

    def shown(self, saltenv: str, path: str) -> str:
        """Return the agent and the path on it."""
        agent, inside, _ = self._listed.get(path, ("", path, ""))
        return f"{agent}:/{inside}" if agent else path

    def close(self) -> None:
        """Nothing is held."""

    def _exposed(self, agent: str) -> bool:
        white, black = self._settings.whitelist, self._settings.blacklist
        named = is_inside(agent) and "/" not in agent
        return named and (not white or _fits(agent, white)) and not _fits(agent, black)


def _fits(name: str, globs: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)
