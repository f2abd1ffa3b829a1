"""What starts and stops a host's services: one shape for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

from saltern.sdk import BadArgument, Command, CommandFailed, Finished, Host, NotSupported
from saltern.sdk.host import PLAIN_LOCALE

Verb = Literal["start", "stop", "restart", "reload", "force-reload"]


class Services(ABC):
    """The services of a host. What a provider has no way to say is derived from what it has."""

    def __init__(self, host: Host) -> None:
        """Take the host."""
        self.host = host

    # --- what each provider brings ------------------------------------------------------------------

    @abstractmethod
    def names(self) -> list[str]:
        """Return all services, sorted."""

    @abstractmethod
    def available(self, name: str) -> bool:
        """Tell whether there is such a service."""

    @abstractmethod
    def running(self, name: str) -> bool:
        """Tell whether it runs."""

    @abstractmethod
    def enabled(self, name: str) -> bool:
        """Tell whether it is started when the host starts."""

    @abstractmethod
    def act(self, verb: Verb, name: str, no_block: bool = False) -> None:
        """Start, stop, restart or reload it; ``no_block`` does not wait for that. Raises CommandFailed."""

    @abstractmethod
    def enable(self, name: str) -> None:
        """Have it started when the host starts. Raises CommandFailed."""

    @abstractmethod
    def disable(self, name: str) -> None:
        """Have it not started. Raises CommandFailed."""

    # --- what most of them can't do, or do alike -----------------------------------------------------

    def starting(self, name: str) -> bool:
        """Tell whether it is on its way up."""
        return False

    def enabled_names(self) -> list[str]:
        """Return the services that are started when the host starts."""
        return [name for name in self.names() if self.enabled(name)]

    def disabled_names(self) -> list[str]:
        """Return the services that are not."""
        return [name for name in self.names() if not self.enabled(name)]

    def static_names(self) -> list[str]:
        """Return the services that can't be enabled, only started by others."""
        return []

    def running_names(self) -> list[str]:
        """Return the services that run."""
        return [name for name in self.names() if self.running(name)]

    def masked(self, name: str, runtime: bool = False) -> bool:
        """Tell whether it can't be started at all; ``runtime``: until the host starts again."""
        return False

    def mask(self, name: str, runtime: bool = False) -> None:
        """Keep it from being started. Raises NotSupported."""
        raise self._not_here("masking")

    def unmask(self, name: str, runtime: bool = False) -> None:
        """Take that back. Raises NotSupported."""
        raise self._not_here("masking")

    def show(self, name: str) -> Mapping[str, object]:
        """Return all that is known of it. Raises NotSupported."""
        raise self._not_here("showing")

    def programs(self) -> Mapping[str, str]:
        """Return each service's program. Raises NotSupported."""
        raise self._not_here("listing the programs of")

    def read_anew(self) -> None:
        """Have the definitions of services read again. Raises NotSupported."""
        raise self._not_here("reading anew the definitions of")

    def run(self, *argv: str) -> str:
        """Run a program, however long it takes; return its output. Raises CommandFailed."""
        done = self.ask(*argv)
        if done.retcode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise CommandFailed(
                said or f"{' '.join(argv)}: ended with code {done.retcode}", retcode=done.retcode
            )
        return done.stdout.decode(errors="replace")

    def ask(self, *argv: str) -> Finished:
        """Run a program and return how it ended."""
        return self.host.execute(Command(argv=argv, env=PLAIN_LOCALE))

    def _not_here(self, what: str) -> NotSupported:
        return NotSupported(f"This host's {type(self).__name__} does not support {what} services")


def checked(name: str) -> str:
    """Return a service's name as it is. Raises BadArgument for what would be an option or a path."""
    if not name or name.startswith("-") or "/" in name or "\0" in name or name in (".", ".."):
        raise BadArgument(f"{name!r} is no name of a service")
    return name


def has_process(host: Host, sig: str) -> bool:
    """Tell whether a process has ``sig`` in its command line."""
    from saltern.library import status

    return status.pid(host, sig) != ""
