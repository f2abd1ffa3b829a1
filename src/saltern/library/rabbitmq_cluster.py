"""RabbitMQ's clusters."""

from __future__ import annotations

from saltern.library import rabbitmq
from saltern.sdk import Changes, Host, Moment, State

REQUIRES = ("rabbitmqctl",)


class Joined(State, frozen=True, kw_only=True):
    """See that the node is in another one's cluster, which it joins: what it held is lost.

    ``host`` is the other node's host, ``user`` the part of its name before the ``@``.

    Example:
        - rabbitmq_cluster.joined: {name: join, host: rabbit1}
    """

    host: str
    user: str = "rabbit"
    ram_node: bool | None = None
    runas: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to join."""
        status = rabbitmq.cluster_status(host, self.runas)
        nodes = {
            *status.get("disk_nodes", ()),
            *status.get("ram_nodes", ()),
            *status.get("running_nodes", ()),
        }
        node = f"{self.user}@{self.host}"
        return Changes({} if node in nodes else {"old": "", "new": node})

    def apply(self, host: Host, changes: Changes) -> None:
        """Join. Raises CommandFailed."""
        rabbitmq.join_cluster(host, self.host, self.user, self.ram_node, self.runas)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Already in cluster",
            Moment.WOULD: f"Node is set to join cluster {self.user}@{self.host}",
            Moment.DONE: f"Joined cluster {self.user}@{self.host}",
        }[moment]
