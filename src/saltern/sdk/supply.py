"""What library code is given besides the machine: pillar, files of the file roots, templates, functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from saltern.sdk.errors import NotSupported


class CachedFile(msgspec.Struct, frozen=True):
    """A file of the file roots, as it lies on this machine.

    ``path`` holds exactly what ``sha256`` (hexadecimal) says, ``size`` bytes of it; it is to be read, never
    changed or moved. ``mode`` is the permission bits that the file has in the file roots.
    """

    path: str
    sha256: str
    size: int
    mode: int


class Supply(Protocol):
    """What comes with a call or a run. ``saltenv`` is the environment of the state at work."""

    @property
    def pillar(self) -> Mapping[str, Any]:
        """The host's pillar."""

    def pillar_anew(self, given: Mapping[str, Any], pillarenv: str = "") -> Mapping[str, Any]:
        """Return the pillar made anew, of one environment or of all, with ``given`` laid over it.

        What ``pillar`` holds stays as it is. Raises SalternError when it can't be made.
        """

    def forget_pillar(self) -> None:
        """Have the pillar made anew when it is next asked for."""

    @property
    def saltenv(self) -> str:
        """The environment that ``salt://`` paths are looked up in."""

    @property
    def opts(self) -> Mapping[str, Any]:
        """The agent's settings under Salt's names, with those that are nobody's but the user's."""

    @property
    def notes(self) -> dict[str, Any]:
        """What states of one run leave for later ones, by names of their own; empty when a run begins."""

    def file(self, url: str) -> bytes | None:
        """Return the file at a ``salt://`` address (``?saltenv=dev`` names another environment).

        None when there is no such file. Raises BadArgument for what is no such address.
        """

    def cached(self, url: str, saltenv: str | None = None) -> CachedFile | None:
        """Return a verified copy on this machine of the file at a ``salt://`` address, of any size.

        None when there is no such file. Raises BadArgument for what is no such address, SalternError when it
        can't be brought here whole.
        """

    def known(self, url: str, saltenv: str | None = None) -> CachedFile | None:
        """Return what ``cached`` would, and fetch nothing: its ``path`` may not be there.

        None when there is no such file. Raises what ``cached`` raises.
        """

    def environments(self) -> Sequence[str]:
        """Return the names of the environments there are, ``base`` first."""

    def files(self, prefix: str = "", saltenv: str | None = None) -> Sequence[str]:
        """Return the paths of all files beneath the directory ``prefix``, sorted, from the root on."""

    def directories(self, prefix: str = "", saltenv: str | None = None) -> Sequence[str]:
        """Return the paths of all directories beneath ``prefix``, sorted, empty ones too."""

    def links(self, prefix: str = "", saltenv: str | None = None) -> Mapping[str, str]:
        """Return the symbolic links beneath ``prefix``: path to target, as written."""

    def render(self, engine: str, text: str, context: Mapping[str, Any], where: str) -> str:
        """Return ``text`` rendered by a template engine (``jinja``) as the file ``where``.

        Raises SalternError that names file and line.
        """

    def rendered(self, text: str, renderers: str, context: Mapping[str, Any], where: str) -> Any:
        """Return what ``text`` comes to by a chain of renderers (``jinja|yaml``) as the file ``where``.

        Its first line may name others. Raises SalternError that names file and line.
        """

    def call(self, host: Any, fun: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function on ``host`` and return what it returns. Raises what it raises."""

    def sync(self, host: Any, kinds: Sequence[str] = ()) -> Mapping[str, Sequence[str]]:
        """Bring the code of the file roots (``_modules``, ``_grains`` …) to ``host``, some kinds or all.

        Return by kind what is new or has changed since: ``{modules: [modules.web]}``. Raises SalternError.
        """

    def catalogue(self) -> Any:
        """Return all that can be called, a Registry; None where that is the library and nothing else."""

    def has(self, fun: str) -> bool:
        """Tell whether there is such a function."""


class NoSupply(Supply):
    """Nothing was handed in: a function that runs on its own."""

    @property
    def pillar(self) -> Mapping[str, Any]:
        """The pillar: empty."""
        return {}

    def pillar_anew(self, given: Mapping[str, Any], pillarenv: str = "") -> Mapping[str, Any]:
        """Return what is given: there is no pillar."""
        return given

    def forget_pillar(self) -> None:
        """Do nothing: there is no pillar."""

    @property
    def saltenv(self) -> str:
        """The environment: base."""
        return "base"

    @property
    def opts(self) -> Mapping[str, Any]:
        """The settings: none."""
        return {}

    @property
    def notes(self) -> dict[str, Any]:
        """Nothing, each time: this is no run."""
        return {}

    def file(self, url: str) -> bytes | None:
        """Raise NotSupported: there are no file roots."""
        raise _no_roots(url)

    def cached(self, url: str, saltenv: str | None = None) -> CachedFile | None:
        """Raise NotSupported: there are no file roots."""
        raise _no_roots(url)

    def known(self, url: str, saltenv: str | None = None) -> CachedFile | None:
        """Raise NotSupported: there are no files."""
        return self.cached(url, saltenv)

    def environments(self) -> Sequence[str]:
        """Raise NotSupported: there are no file roots."""
        raise _no_roots("salt://")

    def files(self, prefix: str = "", saltenv: str | None = None) -> Sequence[str]:
        """Raise NotSupported: there are no file roots."""
        raise _no_roots(f"salt://{prefix}")

    def directories(self, prefix: str = "", saltenv: str | None = None) -> Sequence[str]:
        """Raise NotSupported: there are no file roots."""
        raise _no_roots(f"salt://{prefix}")

    def links(self, prefix: str = "", saltenv: str | None = None) -> Mapping[str, str]:
        """Raise NotSupported: there are no file roots."""
        raise _no_roots(f"salt://{prefix}")

    def render(self, engine: str, text: str, context: Mapping[str, Any], where: str) -> str:
        """Raise NotSupported: nothing renders here."""
        raise NotSupported(f"{where}: there is nothing to render templates with here")

    def rendered(self, text: str, renderers: str, context: Mapping[str, Any], where: str) -> Any:
        """Raise NotSupported: nothing renders here."""
        raise NotSupported(f"{where}: there is nothing to render templates with here")

    def call(self, host: Any, fun: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Raise NotSupported: nothing can be called from here."""
        raise NotSupported(f"{fun}: functions can't be called from here")

    def sync(self, host: Any, kinds: Sequence[str] = ()) -> Mapping[str, Sequence[str]]:
        """Raise NotSupported: there are no file roots."""
        raise _no_roots("salt://")

    def catalogue(self) -> None:
        """Return nothing: the library is all there is."""
        return

    def has(self, fun: str) -> bool:
        """Say that there is no function."""
        return False


def _no_roots(url: str) -> NotSupported:
    return NotSupported(f"{url}: there are no file roots here", hint="name some: --file-root DIR")


NO_SUPPLY = NoSupply()
