"""Accounts of MySQL and MariaDB: a user at a host, there or not."""

from __future__ import annotations

from saltern.library.mysql import users
from saltern.library.mysql.connection import do, unavailable
from saltern.library.mysql.quoting import account
from saltern.library.mysql.state import Reaching
from saltern.sdk import Changes, Host, Moment

__all__ = ["Absent", "Present", "unavailable"]


class Present(Reaching, frozen=True, kw_only=True):
    """Keep an account, with its password if one is given.

    ``password_hash`` is a password as the server keeps it; ``unix_socket`` lets the host's account of the
    same name in without one. A new account without any of them is refused unless ``allow_passwordless``.
    ``auth_plugin`` is how the password is kept.

    Example:
        - mysql_user.present: {name: app, host: localhost, password: secret}
    """

    host: str = "localhost"
    password: str | None = None
    password_hash: str | None = None
    allow_passwordless: bool = False
    unix_socket: bool = False
    auth_plugin: str = users.NATIVE

    def check(self, host: Host) -> Changes:
        """Return that it has to be made, or that it gets in otherwise."""
        there = users.found(host, self.access, self.name, self.host)
        if there is None:
            users.proof(host, self._login)
            return Changes({self.name: "Present"})
        as_wanted = users.is_as_wanted(host, there, self._login, self.name)
        return Changes() if as_wanted else Changes({self.name: "Updated"})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it, or set how it gets in. Raises CommandFailed."""
        verb = "CREATE" if changes[self.name] == "Present" else "ALTER"
        proof = users.proof(host, self._login)
        do(host, self.access, f"{verb} USER {account(self.name, self.host)} {proof}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        who = f"User {self.name}@{self.host}"
        new = changes.get(self.name) == "Present"
        return {
            Moment.CORRECT: f"{who} is already present",
            Moment.WOULD: f"{who} is set to be {'added' if new else 'changed'}",
            Moment.DONE: f"The user {self.name}@{self.host} has been added"
            if new
            else f"Password for user {self.name}@{self.host} has been changed",
        }[moment]

    @property
    def _login(self) -> users.Login:
        return users.Login(
            **self.given,
            password=self.password,
            password_hash=self.password_hash,
            allow_passwordless=self.allow_passwordless,
            unix_socket=self.unix_socket,
            auth_plugin=self.auth_plugin,
        )


class Absent(Reaching, frozen=True, kw_only=True):
    """See that there is no such account.

    Example:
        - mysql_user.absent: {name: app, host: localhost}
    """

    host: str = "localhost"

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        there = users.found(host, self.access, self.name, self.host)
        return Changes({self.name: "Absent"} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        do(host, self.access, f"DROP USER {account(self.name, self.host)}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        who = f"User {self.name}@{self.host}"
        return {
            Moment.CORRECT: f"{who} is not present, so it cannot be removed",
            Moment.WOULD: f"{who} is set to be removed",
            Moment.DONE: f"{who} has been removed",
        }[moment]
