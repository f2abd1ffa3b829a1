"""The settings of the compiler, under Salt's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from saltern.foundation.errors import SettingsError, nearest

Strategy = Literal["merge", "same", "merge_all"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How trees are compiled.

    ``saltenv`` restricts a highstate to one environment. ``env_order`` names the environments whose top
    files count, in order. ``state_aggregate`` is True, or the modules to aggregate. ``jinja_env`` and
    ``jinja_sls_env`` set options of Jinja's environment for templates and for SLS.
    """

    renderer: str = "jinja|yaml"
    renderer_blacklist: tuple[str, ...] = ()
    renderer_whitelist: tuple[str, ...] = ()
    state_top: str = "top.sls"
    state_top_saltenv: str | None = None
    saltenv: str | None = None
    env_order: tuple[str, ...] = ()
    default_top: str = "base"
    top_file_merging_strategy: Strategy = "merge"
    state_auto_order: bool = True
    state_aggregate: bool | tuple[str, ...] = False
    disabled_requisites: tuple[str, ...] = ()
    nodegroups: dict[str, Any] = {}
    allow_undefined: bool = False
    jinja_env: dict[str, Any] = {}
    jinja_sls_env: dict[str, Any] = {}
    jinja_trim_blocks: bool = False
    jinja_lstrip_blocks: bool = False

    @classmethod
    def of(cls, opts: Mapping[str, Any]) -> Options:
        """Return the compiler's settings among ``opts``; those that are None are not set.

        Raises SettingsError that names the setting.
        """
        own = {name: opts[name] for name in cls.__struct_fields__ if opts.get(name) is not None}
        for name in ("disabled_requisites", "env_order", "renderer_blacklist", "renderer_whitelist"):
            if isinstance(own.get(name), str):
                own[name] = (own[name],)
        try:
            return msgspec.convert(own, cls)
        except msgspec.ValidationError as error:
            hint = _strategy_hint(own.get("top_file_merging_strategy"))
            raise SettingsError(f"a setting of the state compiler is wrong: {error}", hint=hint) from None

    @property
    def top(self) -> str:
        """The top file's path in a tree."""
        return self.state_top.removeprefix("salt://").lstrip("/")


def _strategy_hint(value: Any) -> str:
    return nearest(str(value), ("merge", "same", "merge_all")) if value else ""
