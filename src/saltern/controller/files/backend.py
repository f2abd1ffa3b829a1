"""Where files come from: the one door for backends, built in or brought by a distribution.

A backend is written ``{kind: options}`` in the settings. Distributions add kinds by the entry-point group
``saltern.files``: a name and ``module:function``, called with the options and the place it is to work in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec

from saltern.foundation.errors import NotFound, SettingsError
from saltern.foundation.plugins import Plugins

GROUP = "saltern.files"


class Entry(msgspec.Struct, frozen=True):
    """What a backend knows of one path without reading it.

    ``mode`` are permission bits. ``link`` is the text of a symbolic link, None for what is none; size,
    mode and token are then those of the file it leads to. ``token`` is the same as long as the content is
    (a git blob's id, an ETag); it is empty for what has no content and can't be opened: a directory (its
    path ends in a slash; listed when it is empty or a link), a link that leads to nothing or out of its tree.
    """

    size: int
    mode: int
    link: str | None
    token: str


class Backend(Protocol):
    """The files of all environments of one origin. Paths are relative, with slashes, and have no ``..``.

    Used by one thread at a time. Every error names the root, the URL, or the file.
    """

    kind: str
    #: Seconds between two refreshes that nobody asked for; 0: looking is cheap, do it each time.
    interval: float

    def refresh(self) -> None:
        """Fetch what is new; slow, but bounded in time. Raises Unavailable; what was known stays."""

    def environments(self) -> Mapping[str, str]:
        """Return the environments' names with their revisions (a git commit; empty where there is none).

        Raises Unavailable when nothing has been fetched yet.
        """

    def revision(self, saltenv: str) -> str | None:
        """Return an environment's revision; None when this backend has nothing for it.

        Also for environments that are not listed: a commit's id, one that a fallback serves.
        """

    def entries(self, saltenv: str) -> Mapping[str, Entry]:
        """Return all paths of an environment; none for one that is not served.

        Raises Unavailable when a root is not there or can't be read: never a part of a tree.
        """

    def open(self, saltenv: str, path: str) -> BinaryIO:
        """Return a file's content as the last ``entries`` listed it, to be closed.

        Raises NotFound; NotAllowed for a link out of the tree; Conflict (perhaps only at the end of
        reading) when the file is another one by now; Unavailable.
        """

    def shown(self, saltenv: str, path: str) -> str:
        """Return a path as people know it, for messages."""

    def close(self) -> None:
        """Let go of processes and connections."""


class Pushed(Protocol):
    """The files that agents have pushed."""

    def agents(self) -> Mapping[str, Mapping[str, Entry]]:
        """Return the entries of each agent that pushed something, by the agents' names.

        An entry's token is the SHA-256 of the content, in hexadecimal.
        """

    def open(self, agent: str, path: str) -> BinaryIO:
        """Return a file's content as it is now, to be closed. Raises NotFound."""


class Place(msgspec.Struct, frozen=True):
    """What a backend may use: a private directory for what it keeps, and what agents have pushed."""

    directory: Path
    pushed: Pushed | None = None


#: Takes the options as they stand in the settings, and the place. Raises SettingsError.
Maker = Callable[[Any, Place], Backend]


_OWN: Mapping[str, str] = {
    "git": "saltern.controller.files.backends.git:make",
    "http": "saltern.controller.files.backends.http:make",
    "minionfs": "saltern.controller.files.backends.minionfs:make",
    "roots": "saltern.controller.files.backends.roots:make",
    "s3": "saltern.controller.files.backends.s3:make",
}


class Backends(Plugins[Maker]):
    """Kinds of backends by their names."""

    def __init__(self) -> None:
        super().__init__("file backend", _OWN, GROUP)


BACKENDS = Backends()


def usual(root: Path) -> list[dict[str, Any]]:
    """Return the backends of who has set none: ``base`` in one directory."""
    return [{"roots": {"base": [str(root)]}}]


def build(
    settings: Sequence[Mapping[str, Any]],
    place: Place,
    *,
    where: str = "files.backends",
    backends: Backends = BACKENDS,
) -> list[Backend]:
    """Return the backends that settings ask for (``[{kind: options}, …]``), in their order.

    ``where`` is the setting's name, for messages. Raises SettingsError.
    """
    return [_build(one, place, f"{where}[{number}]", backends) for number, one in enumerate(settings)]


def _build(setting: Mapping[str, Any], place: Place, where: str, backends: Backends) -> Backend:
    if len(setting) != 1:
        raise SettingsError(
            "a backend is one name with its options", where=where, hint="- roots: {base: [/srv/salt]}"
        )
    ((kind, options),) = setting.items()
    try:
        return backends.get(kind)(options, place)
    except NotFound as error:
        raise SettingsError(error.message, where=where, hint=error.hint) from None
    except SettingsError as error:
        raise SettingsError(error.message, where=f"{where}.{kind}", hint=error.hint) from error
