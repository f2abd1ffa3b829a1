"""Services kept running or dead, enabled or disabled, masked or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from saltern.library.service.provider import Services, Verb, has_process
from saltern.library.service.table import services
from saltern.sdk import Action, Changes, CommandFailed, Done, Host, Moment, NotFound, State


class _Kept(State, frozen=True, kw_only=True):
    """What ``running`` and ``dead`` have in common."""

    enable: bool | None = None
    sig: str | None = None
    init_delay: float | None = None
    no_block: bool = False
    timeout: float | None = None

    def _is_running(self, host: Host, kept: Services) -> bool:
        return has_process(host, self.sig) if self.sig else kept.running(self.name)

    def _settle(self, host: Host) -> None:
        """Give the service the time it needs before it is looked at."""
        host.sleep(self.init_delay or 0)

    def _switch(self, kept: Services) -> None:
        """Enable or disable it, as wanted."""
        if self.enable is not None and kept.enabled(self.name) is not self.enable:
            (kept.enable if self.enable else kept.disable)(self.name)

    def _switch_differs(self, kept: Services) -> bool:
        return self.enable is not None and kept.enabled(self.name) is not self.enable


class Running(_Kept, frozen=True, kw_only=True):
    """Keep a service running; ``enable`` also has it started, or not, when the host starts.

    When something watched has changed, a service that ran before is restarted; with ``reload: true`` it reads
    its settings again instead (``force: true``: by a restart where it can't). ``init_delay`` waits some
    seconds before looking whether it runs. ``sig`` finds it by the command line of a process. ``unmask`` and
    ``unmask_runtime`` take masks away.

    Example:
        - service.running: {name: cron, enable: true}
    """

    reload: bool = False
    full_restart: bool = False
    force: bool = False
    unmask: bool = False
    unmask_runtime: bool = False

    def check(self, host: Host) -> Changes:
        """Return that it has to be started, enabled, disabled or unmasked."""
        kept = services(host)
        if not kept.available(self.name):
            would = (
                f"Service {self.name} not present; if created in this state run, it would have been started"
            )
            return Changes({self.name: True}, mend="missing", comment=would)
        start = not self._is_running(host, kept) and not (self.no_block and kept.starting(self.name))
        if start or self._masks(kept) or self._switch_differs(kept):
            return Changes({self.name: True}, mend="start" if start else "switch", comment=self._would(start))
        return Changes()

    def apply(self, host: Host, changes: Changes) -> Done:
        """Take masks away, enable or disable it, and start it. Raises NotFound, CommandFailed."""
        if changes.mend == "missing":
            raise _not_available(self.name)
        kept = services(host)
        for runtime in self._masks(kept):
            kept.unmask(self.name, runtime)
        self._switch(kept)
        if changes.mend == "start":
            kept.act("start", self.name, self.no_block)
            self._settle(host)
            _see_that_it_runs(self, host)
        return Done(changes=dict(changes), comment=self._done(changes.mend == "start"))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"The service {self.name} is already running"

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return its restart, or its reload."""
        verb: Verb = "restart"
        if self.reload:
            verb = "force-reload" if self.force else "reload"
        return _Again(
            name=self.name,
            verb=verb,
            sig=self.sig,
            init_delay=self.init_delay,
            no_block=self.no_block,
            masks=tuple(runtime for runtime, wanted in self._wanted_masks() if wanted),
        )

    def _wanted_masks(self) -> Sequence[tuple[bool, bool]]:
        return ((False, self.unmask), (True, self.unmask_runtime))

    def _masks(self, kept: Services) -> list[bool]:
        """Return the kinds of masks to take away: lasting ones (False), those until a restart (True)."""
        return [
            runtime for runtime, wanted in self._wanted_masks() if wanted and kept.masked(self.name, runtime)
        ]

    def _would(self, start: bool) -> str:
        if start:
            return f"Service {self.name} is set to start"
        if self.enable is None:
            return f"Service {self.name} would be unmasked"
        return f"Service {self.name} set to be {'enabled' if self.enable else 'disabled'}"

    def _done(self, started: bool) -> str:
        if self.enable is None:
            return f"Started service {self.name}" if started else f"Service {self.name} was unmasked"
        end = "is running" if started else "is in the desired state"
        return f"Service {self.name} has been {'enabled' if self.enable else 'disabled'}, and {end}"


class Dead(_Kept, frozen=True, kw_only=True):
    """Keep a service from running; ``enable: false`` also has it not started when the host starts.

    A service that isn't there is dead.

    Example:
        - service.dead: {name: exim4, enable: false}
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to be stopped, disabled or enabled."""
        kept = services(host)
        if not kept.available(self.name):
            return Changes(comment=f"The named service {self.name} is not available")
        running = self._is_running(host, kept) or kept.starting(self.name)
        if running:
            return Changes(
                {self.name: False}, mend="stop", comment=f"Service {self.name} is set to be killed"
            )
        if self._switch_differs(kept):
            return Changes({self.name: True}, comment=f"Service {self.name} set to be {self._wanted()}")
        return Changes()

    def apply(self, host: Host, changes: Changes) -> Done:
        """Stop it, and enable or disable it. Raises CommandFailed."""
        kept = services(host)
        if changes.mend == "stop":
            kept.act("stop", self.name, self.no_block)
            self._settle(host)
        self._switch(kept)
        comment = f"Service {self.name} was killed"
        if self.enable is not None:
            end = "is dead" if changes.mend == "stop" else "is in the desired state"
            comment = f"Service {self.name} has been {self._wanted()}, and {end}"
        return Done(changes=dict(changes), comment=comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"The service {self.name} is already dead"

    def _wanted(self) -> str:
        return "enabled" if self.enable else "disabled"


class _Switched(State, frozen=True, kw_only=True):
    """What ``enabled`` and ``disabled`` have in common."""

    def _wanted(self) -> bool:
        raise NotImplementedError

    def check(self, host: Host) -> Changes:
        """Return that it has to be switched."""
        kept = services(host)
        if not kept.available(self.name):
            return self._without_it()
        if kept.enabled(self.name) is self._wanted():
            return Changes()
        return Changes({self.name: True}, comment=f"Service {self.name} set to be {self._word()}")

    def apply(self, host: Host, changes: Changes) -> None:
        """Switch it. Raises NotFound, CommandFailed."""
        if changes.mend == "missing":
            raise _not_available(self.name)
        kept = services(host)
        (kept.enable if self._wanted() else kept.disable)(self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        how = f"is already {self._word()}" if moment is Moment.CORRECT else f"has been {self._word()}"
        return f"Service {self.name} {how}, and is in the desired state"

    def _without_it(self) -> Changes:
        raise NotImplementedError

    def _word(self) -> str:
        return "enabled" if self._wanted() else "disabled"


class Enabled(_Switched, frozen=True, kw_only=True):
    """Have a service started when the host starts; whether it runs now is left alone.

    ``skip_verify`` is accepted as Salt has it.

    Example:
        - service.enabled: cron
    """

    skip_verify: bool = False

    def _wanted(self) -> bool:
        return True

    def _without_it(self) -> Changes:
        would = f"Service {self.name} not present; if created in this state run, it would have been enabled"
        return Changes({self.name: True}, mend="missing", comment=would)


class Disabled(_Switched, frozen=True, kw_only=True):
    """Have a service not started when the host starts; whether it runs now is left alone.

    Example:
        - service.disabled: cron
    """

    def _wanted(self) -> bool:
        return False

    def _without_it(self) -> Changes:
        return Changes(comment=f"The named service {self.name} is not available")


class Masked(State, frozen=True, kw_only=True):
    """Keep a service from being started by anybody; ``runtime: true`` until the host starts again.

    Example:
        - service.masked: systemd-networkd
    """

    runtime: bool = False

    def check(self, host: Host) -> Changes:
        """Return that it has to be masked."""
        return _mask_differs(host, self.name, self.runtime, wanted=True)

    def apply(self, host: Host, changes: Changes) -> None:
        """Mask it. Raises NotSupported where there is no such thing."""
        services(host).mask(self.name, self.runtime)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        how = {Moment.CORRECT: "is already", Moment.WOULD: "would be", Moment.DONE: "was"}[moment]
        return f"Service {self.name} {how} {'runtime ' if self.runtime else ''}masked"


class Unmasked(State, frozen=True, kw_only=True):
    """See that a service is not masked; ``runtime: true`` looks at the mask until the host starts again.

    Example:
        - service.unmasked: systemd-networkd
    """

    runtime: bool = False

    def check(self, host: Host) -> Changes:
        """Return that a mask has to go."""
        return _mask_differs(host, self.name, self.runtime, wanted=False)

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it away."""
        services(host).unmask(self.name, self.runtime)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        how = {Moment.CORRECT: "was already", Moment.WOULD: "would be", Moment.DONE: "was"}[moment]
        return f"Service {self.name} {how} {'runtime ' if self.runtime else ''}unmasked"


class _Again(Action, frozen=True, kw_only=True):
    """Restart a service or have it read its settings again."""

    verb: Verb
    sig: str | None = None
    init_delay: float | None = None
    no_block: bool = False
    masks: tuple[bool, ...] = ()

    def check(self, host: Host) -> Changes:
        word = "restarted" if self.verb == "restart" else "reloaded"
        return Changes({self.name: True}, comment=f"Service is set to be {word}")

    def apply(self, host: Host, changes: Changes) -> Done:
        kept = services(host)
        for runtime in self.masks:
            if kept.masked(self.name, runtime):
                kept.unmask(self.name, runtime)
        kept.act(self.verb, self.name, self.no_block)
        host.sleep(self.init_delay or 0)
        _see_that_it_runs(self, host)
        word = {"restart": "restarted", "reload": "reloaded"}.get(self.verb, "force reloaded")
        return Done(changes=dict(changes), comment=f"Service {word}")


def _see_that_it_runs(state: Any, host: Host) -> None:
    """Raise CommandFailed when a service that has been started doesn't run."""
    kept = services(host)
    running = has_process(host, state.sig) if state.sig else kept.running(state.name)
    if not running and not (state.no_block and kept.starting(state.name)):
        raise CommandFailed(
            f"Service {state.name} failed to start",
            hint=f"its own words: journalctl -u {state.name}, or its log",
        )


def _not_available(name: str) -> NotFound:
    return NotFound(f"The named service {name} is not available", hint="is its package installed before it?")


def _mask_differs(host: Host, name: str, runtime: bool, *, wanted: bool) -> Changes:
    label = "runtime masked" if runtime else "masked"
    return Changes.between({label: services(host).masked(name, runtime)}, {label: wanted})
