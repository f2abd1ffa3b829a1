"""What library code is given besides the machine: pillar, files of the file roots, templates, functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from saltern.sdk.errors import NotSupported


class Supply(Protocol):
    """What comes with a call or a run. ``saltenv`` is the environment of the state at work."""

    @property
    def pillar(self) -> Mapping[str, Any]:
        """The host's pillar."""

    @property
    def saltenv(self) -> str:
        """The environment that ``salt://`` paths are looked up in."""

    def file(self, url: str) -> bytes | None:
        """Return the file at a ``salt://`` address (``?saltenv=dev`` names another environment).

        None when there is no such file. Raises BadArgument for what is no such address.
        """

    def render(self, engine: str, text: str, context: Mapping[str, Any], where: str) -> str:
        """Return ``text`` rendered by a template engine (``jinja``) as the file ``where``.

        Raises SalternError that names file and line.
        """

    def call(self, host: Any, fun: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function on ``host`` and return what it returns. Raises what it raises."""

    def has(self, fun: str) -> bool:
        """Tell whether there is such a function."""


class NoSupply(Supply):
    """Nothing was handed in: a function that runs on its own."""

    @property
    def pillar(self) -> Mapping[str, Any]:
        """The pillar: empty."""
        return {}

    @property
    def saltenv(self) -> str:
        """The environment: base."""
        return "base"

    def file(self, url: str) -> bytes | None:
        """Raise NotSupported: there are no file roots."""
        raise NotSupported(f"{url}: there are no file roots here", hint="name some: --file-root DIR")

    def render(self, engine: str, text: str, context: Mapping[str, Any], where: str) -> str:
        """Raise NotSupported: nothing renders here."""
        raise NotSupported(f"{where}: there is nothing to render templates with here")

    def call(self, host: Any, fun: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Raise NotSupported: nothing can be called from here."""
        raise NotSupported(f"{fun}: functions can't be called from here")

    def has(self, fun: str) -> bool:
        """Say that there is no function."""
        return False


NO_SUPPLY = NoSupply()
