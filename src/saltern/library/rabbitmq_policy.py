"""RabbitMQ's policies: what holds for queues and exchanges by their names."""

from __future__ import annotations

import json
from typing import Any

from saltern.library import rabbitmq
from saltern.sdk import BadArgument, Changes, Host, Moment, State

REQUIRES = ("rabbitmqctl",)


class Present(State, frozen=True, kw_only=True):
    """Keep a policy of a virtual host. ``definition`` is a mapping, or JSON text of one.

    Example:
        - rabbitmq_policy.present: {name: limits, pattern: '^app-', definition: {max-length: 1000}}
    """

    pattern: str
    definition: dict[str, Any] | str
    priority: int = 0
    vhost: str = "/"
    runas: str | None = None
    apply_to: str | None = None

    def check(self, host: Host) -> Changes:
        """Return what is otherwise: ``{pattern, definition, priority, apply_to}``. Raises BadArgument."""
        there = rabbitmq.list_policies(host, self.vhost, self.runas).get(self.name, {})
        wanted = {"pattern": self.pattern, "definition": self._definition, "priority": self.priority}
        return Changes.between(there, wanted | ({"apply_to": self.apply_to} if self.apply_to else {}))

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it. Raises CommandFailed."""
        rabbitmq.set_policy(
            host,
            self.vhost,
            self.name,
            self.pattern,
            self._definition,
            self.priority,
            self.runas,
            self.apply_to,
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Policy {self.vhost} {self.name} is already present",
            Moment.WOULD: f"Policy {self.vhost} {self.name} is set to be created",
            Moment.DONE: f"Set policy {self.vhost} {self.name}",
        }[moment]

    @property
    def _definition(self) -> dict[str, Any]:
        try:
            found = json.loads(self.definition) if isinstance(self.definition, str) else self.definition
        except ValueError as error:
            raise BadArgument(f"definition is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise BadArgument(f"definition {found!r} is no mapping")
        return found


class Absent(State, frozen=True, kw_only=True):
    """See that there is no such policy.

    Example:
        - rabbitmq_policy.absent: {name: limits, vhost: /app}
    """

    vhost: str = "/"
    runas: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        there = rabbitmq.policy_exists(host, self.vhost, self.name, self.runas)
        return Changes({"old": self.name, "new": ""} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        rabbitmq.delete_policy(host, self.vhost, self.name, self.runas)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Policy '{self.name}' is not present.",
            Moment.WOULD: f"Policy '{self.name}' will be removed.",
            Moment.DONE: f"Policy '{self.name}' was removed.",
        }[moment]
