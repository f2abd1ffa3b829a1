"""RabbitMQ's users: their password, tags and permissions."""

from __future__ import annotations

from typing import Any

from saltern.library import rabbitmq
from saltern.library._rabbitmq import tags_of
from saltern.sdk import BadArgument, Changes, Host, Moment, State

REQUIRES = ("rabbitmqctl",)


class Present(State, frozen=True, kw_only=True):
    """Keep a user.

    ``password`` is set when the user is made; one that has another password only with ``force``. ``tags`` are
    all it shall have. ``perms`` are, for virtual hosts, what it may configure, write and read; those on other
    virtual hosts are left alone.

    Example:
        - rabbitmq_user.present: {name: app, password: secret, perms: [{/: [".*", ".*", ".*"]}]}
    """

    password: str | None = None
    force: bool = False
    tags: str | list[str] | None = None
    perms: list[dict[str, list[str]]] | dict[str, list[str]] | None = None
    runas: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, or what is otherwise: ``{user, password, tags, perms}``."""
        there = rabbitmq.list_users(host, self.runas).get(self.name)
        changes: dict[str, Any] = {} if there is not None else {"user": {"old": "", "new": self.name}}
        if there is not None and self._has_other_password(host):
            changes["password"] = {"old": "", "new": "Set password."}
        if self.tags is not None and set(tags_of(self.tags)) != set(there or []):
            changes["tags"] = {"old": there or [], "new": tags_of(self.tags)}
        now = rabbitmq.list_user_permissions(host, self.name, self.runas) if there is not None else {}
        differs = {vhost: wanted for vhost, wanted in self._permissions.items() if now.get(vhost) != wanted}
        if differs:
            changes["perms"] = {"old": {one: now.get(one, {}) for one in differs}, "new": differs}
        return Changes(changes)

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, or set what is otherwise. Raises CommandFailed."""
        if "user" in changes:
            rabbitmq.add_user(host, self.name, self.password, self.runas)
        if "password" in changes and self.password is not None:
            rabbitmq.change_password(host, self.name, self.password, self.runas)
        if "tags" in changes:
            rabbitmq.set_user_tags(host, self.name, tags_of(self.tags), self.runas)
        for vhost, may in changes.get("perms", {}).get("new", {}).items():
            words = (may["configure"], may["write"], may["read"])
            rabbitmq.set_permissions(host, vhost, self.name, *words, runas=self.runas)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        done = "created" if "user" in changes else "updated"
        return {
            Moment.CORRECT: f"User '{self.name}' is already present.",
            Moment.WOULD: f"User '{self.name}' is set to be {done}.",
            Moment.DONE: f"'{self.name}' was configured.",
        }[moment]

    def _has_other_password(self, host: Host) -> bool:
        if not self.force or self.password is None:
            return False
        return not rabbitmq.check_password(host, self.name, self.password, self.runas)

    @property
    def _permissions(self) -> dict[str, dict[str, str]]:
        """What it may do, by virtual host. Raises BadArgument."""
        given = [self.perms] if isinstance(self.perms, dict) else self.perms or []
        every = {vhost: words for one in given for vhost, words in one.items()}
        for vhost, words in every.items():
            if len(words) != 3:
                raise BadArgument(
                    f"perms of {vhost}: {words}", hint="write three patterns: configure, write, read"
                )
        return {
            one: dict(zip(("configure", "write", "read"), words, strict=True)) for one, words in every.items()
        }


class Absent(State, frozen=True, kw_only=True):
    """See that there is no such user.

    Example:
        - rabbitmq_user.absent: guest
    """

    runas: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        there = rabbitmq.user_exists(host, self.name, self.runas)
        return Changes({"old": self.name, "new": ""} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        rabbitmq.delete_user(host, self.name, self.runas)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"The user '{self.name}' is not present.",
            Moment.WOULD: f"The user '{self.name}' will be removed.",
            Moment.DONE: f"The user '{self.name}' was removed.",
        }[moment]
