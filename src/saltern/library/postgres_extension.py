"""PostgreSQL's extensions, in a database."""

from __future__ import annotations

from typing import Any

from saltern.library.postgres import contents
from saltern.library.postgres.connection import unavailable
from saltern.library.postgres.quoting import identifier
from saltern.library.postgres.state import InDatabase, said_of_absent, seen
from saltern.sdk import Changes, Host, Moment, NotFound

__all__ = ["Absent", "Present", "unavailable"]


class Present(InDatabase, frozen=True, kw_only=True):
    """Keep an extension in the database ``maintenance_db``, with a version and schema if those are given.

    Example:
        - postgres_extension.present: {name: hstore, maintenance_db: app}
    """

    if_not_exists: bool | None = None
    schema: str | None = None
    ext_version: str | None = None
    from_version: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be installed or altered. Raises NotFound when it can't be installed."""
        identifier(self.name, "extension")
        there = (seen(lambda: contents.extensions(host, self.access)) or {}).get(self.name)
        if there is not None:
            differs = contents.alterations(there, self._wanted)
            return Changes({self.name: "Upgraded"}) if differs else Changes()
        available = seen(lambda: contents.available(host, self.access))
        if available is not None and self.name not in available:
            raise NotFound(
                f"Extension {self.name} is not available", hint="install the package that brings it"
            )
        return Changes({self.name: "Installed"})

    def apply(self, host: Host, changes: Changes) -> None:
        """Install or alter it. Raises CommandFailed."""
        wanted = self._wanted
        given: dict[str, Any] = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
        contents.create_extension(host, self.name, **given)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        done = "upgraded" if changes.get(self.name) == "Upgraded" else "installed"
        return {
            Moment.CORRECT: f"Extension {self.name} is already present",
            Moment.WOULD: f"Extension {self.name} is set to be {done}",
            Moment.DONE: f"The extension {self.name} has been {done}",
        }[moment]

    @property
    def _wanted(self) -> contents.NewExtension:
        return contents.NewExtension(
            **{name: getattr(self.access, name) for name in self.access.__struct_fields__},
            if_not_exists=self.if_not_exists,
            schema=self.schema,
            ext_version=self.ext_version,
            from_version=self.from_version,
        )


class Absent(InDatabase, frozen=True, kw_only=True):
    """See that the database ``maintenance_db`` has no such extension.

    ``cascade`` also removes what needs it.

    Example:
        - postgres_extension.absent: {name: hstore, maintenance_db: app}
    """

    if_exists: bool | None = None
    restrict: bool | None = None
    cascade: bool | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        identifier(self.name, "extension")
        there = self.name in (seen(lambda: contents.extensions(host, self.access)) or {})
        return Changes({self.name: "Absent"}) if there else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        how: dict[str, Any] = {name: getattr(self.access, name) for name in self.access.__struct_fields__}
        contents.drop_extension(
            host, self.name, **how, if_exists=self.if_exists, restrict=self.restrict, cascade=self.cascade
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return said_of_absent("Extension", self.name, moment)
