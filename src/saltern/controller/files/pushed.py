"""What agents have sent (``cp.push``): under the agent's key and the content's hash, within limits.

The path an agent gives is data: it stands in the agent's index and is never a path here.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from saltern.controller.files.backend import Entry
from saltern.controller.settings import Files
from saltern.foundation import atomic
from saltern.foundation.errors import BadMessage, Conflict, NotAllowed, NotFound
from saltern.messages.v1 import Push
from saltern.model.ids import AgentKey
from saltern.sls.tree import is_inside

#: Files of one agent, and characters of a path.
_FILES, _PATH = 10_000, 1024


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    sha256: str
    size: int
    mode: int


class PushedFiles:
    """Fits ``backend.Pushed``. The methods may be called from any thread."""

    def __init__(self, directory: Path, settings: Files, name: Callable[[AgentKey], str]) -> None:
        """``name`` tells how the agent with a key is called."""
        self._directory = atomic.private_directory(directory)
        self._settings = settings
        self._name = name
        self._lock = threading.Lock()

    # --- reading -------------------------------------------------------------------------------------

    def agents(self) -> Mapping[str, Mapping[str, Entry]]:
        """Return the entries of each agent that pushed something, by the agents' names."""
        with self._lock:
            found = {home.name: self._index(AgentKey(home.name)) for home in self._directory.iterdir()}
        return {
            self._name(AgentKey(key)): {
                path: Entry(kept.size, kept.mode, None, kept.sha256) for path, kept in index.items()
            }
            for key, index in found.items()
        }

    def open(self, agent: str, path: str) -> BinaryIO:
        """Return a file's content, to be closed. Raises NotFound."""
        with self._lock:
            for home in self._directory.iterdir():
                key = AgentKey(home.name)
                if self._name(key) == agent and (kept := self._index(key).get(path)) is not None:
                    return (home / kept.sha256).open("rb")
        raise NotFound(f"{agent} has not pushed {path!r}")

    # --- taking --------------------------------------------------------------------------------------

    def check(self, key: AgentKey, push: Push) -> bool:
        """Tell whether the content is here already.

        Raises NotAllowed when it may not be sent, Conflict when it is too much, BadMessage.
        """
        settings = self._settings
        if not settings.push:
            raise NotAllowed("agents may not push files here", hint="files.push: true in controller.yaml")
        if not is_inside(push.path) or len(push.path) > _PATH or len(push.sha256) != 32 or push.size < 0:
            raise BadMessage(f"{push.path[:100]!r} can't be the name of a file that is pushed")
        if push.size > settings.push_bytes:
            raise Conflict(
                f"{push.path} has {push.size} bytes; an agent may push {settings.push_bytes}",
                hint="files.push_bytes in controller.yaml",
            )
        with self._lock:
            index = self._index(key)
            others = sum(kept.size for path, kept in index.items() if path != push.path)
            if others + push.size > settings.push_agent_bytes:
                raise Conflict(
                    f"with {push.path} this agent would have pushed {others + push.size} bytes; "
                    f"it may {settings.push_agent_bytes}",
                    hint="files.push_agent_bytes in controller.yaml",
                )
            if len(index) >= _FILES and push.path not in index:
                raise Conflict(f"this agent has pushed {len(index)} files; more are not taken")
        return (self._directory / key / push.sha256.hex()).exists()

    def begin(self, key: AgentKey) -> Taking:
        """Return what takes a content in. Raises OSError."""
        return Taking(atomic.private_directory(self._directory / key))

    def record(self, key: AgentKey, push: Push) -> None:
        """Put a content that is here under its path, in place of what was there. Raises OSError."""
        kept = _Kept(push.sha256.hex(), push.size, push.mode & 0o777)
        with self._lock:
            index = self._index(key)
            before = index.get(push.path)
            index[push.path] = kept
            atomic.write(self._directory / key / "index", msgspec.msgpack.encode(index))
            if before and all(before.sha256 != one.sha256 for one in index.values()):
                (self._directory / key / before.sha256).unlink(missing_ok=True)

    def _index(self, key: AgentKey) -> dict[str, _Kept]:
        try:
            data = (self._directory / key / "index").read_bytes()
        except FileNotFoundError:
            return {}
        return msgspec.msgpack.decode(data, type=dict[str, _Kept])


class Taking:
    """A content on its way in."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._part = home / f".{os.urandom(8).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._part, flags, 0o600), "wb")
        self._check = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Take the next piece. Raises OSError."""
        self._check.update(data)
        self._file.write(data)
        self.size += len(data)

    def finish(self, push: Push) -> None:
        """Keep it, if it is what was announced. Raises BadMessage, OSError."""
        self._file.close()
        if self.size != push.size or self._check.digest() != push.sha256:
            raise BadMessage("what was pushed is not what was announced")
        os.replace(self._part, self._home / push.sha256.hex())

    def close(self) -> None:
        """Remove what was not kept."""
        self._file.close()
        self._part.unlink(missing_ok=True)
