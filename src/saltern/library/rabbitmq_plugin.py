"""RabbitMQ's plugins: enabled or not."""

from __future__ import annotations

from saltern.library import rabbitmq
from saltern.sdk import Changes, Host, Moment, State

REQUIRES = ("rabbitmqctl",)


class Enabled(State, frozen=True, kw_only=True):
    """See that a plugin is enabled, with what it needs.

    Example:
        - rabbitmq_plugin.enabled: rabbitmq_management
    """

    runas: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be enabled."""
        there = rabbitmq.plugin_is_enabled(host, self.name, self.runas)
        return Changes({} if there else {"old": "", "new": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Enable it. Raises CommandFailed."""
        rabbitmq.enable_plugin(host, self.name, self.runas)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Plugin '{self.name}' is already enabled.",
            Moment.WOULD: f"Plugin '{self.name}' is set to be enabled.",
            Moment.DONE: f"Plugin '{self.name}' was enabled.",
        }[moment]


class Disabled(State, frozen=True, kw_only=True):
    """See that a plugin is not enabled.

    Example:
        - rabbitmq_plugin.disabled: rabbitmq_management
    """

    runas: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be disabled."""
        there = rabbitmq.plugin_is_enabled(host, self.name, self.runas)
        return Changes({"old": self.name, "new": ""} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Disable it. Raises CommandFailed."""
        rabbitmq.disable_plugin(host, self.name, self.runas)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Plugin '{self.name}' is already disabled.",
            Moment.WOULD: f"Plugin '{self.name}' is set to be disabled.",
            Moment.DONE: f"Plugin '{self.name}' was disabled.",
        }[moment]
