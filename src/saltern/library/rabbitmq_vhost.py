"""RabbitMQ's virtual hosts."""

from __future__ import annotations

from saltern.library import rabbitmq
from saltern.sdk import Changes, Host, Moment, State

REQUIRES = ("rabbitmqctl",)


class Present(State, frozen=True, kw_only=True):
    """Keep a virtual host.

    Example:
        - rabbitmq_vhost.present: /app
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to be made."""
        there = rabbitmq.vhost_exists(host, self.name)
        return Changes({} if there else {"old": "", "new": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it. Raises CommandFailed."""
        rabbitmq.add_vhost(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Virtual Host '{self.name}' already exists.",
            Moment.WOULD: f"Virtual Host '{self.name}' will be created.",
            Moment.DONE: f"Virtual Host '{self.name}' was created.",
        }[moment]


class Absent(State, frozen=True, kw_only=True):
    """See that there is no such virtual host.

    Example:
        - rabbitmq_vhost.absent: /old
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        there = rabbitmq.vhost_exists(host, self.name)
        return Changes({"old": self.name, "new": ""} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        rabbitmq.delete_vhost(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Virtual Host '{self.name}' is not present.",
            Moment.WOULD: f"Virtual Host '{self.name}' will be removed.",
            Moment.DONE: f"Virtual Host '{self.name}' was removed.",
        }[moment]
