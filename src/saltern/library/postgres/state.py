"""What the states of PostgreSQL have in common: how the server is reached, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from saltern.library.postgres.connection import Access
from saltern.sdk import Moment, NotFound, State

Found = TypeVar("Found")


def seen(look: Callable[[], Found]) -> Found | None:
    """Return what a look finds; None when its database isn't there, yet or any more."""
    try:
        return look()
    except NotFound:
        return None


class Reaching(State, frozen=True, kw_only=True):
    """``user`` is the account to run as, ``db_…`` how the server is reached; else as the settings say."""

    user: str | None = None
    db_user: str | None = None
    db_password: str | None = None
    db_host: str | None = None
    db_port: int | str | None = None

    @property
    def access(self) -> Access:
        """How the server is reached."""
        return Access(
            user=self.db_user,
            host=self.db_host,
            port=self.db_port,
            password=self.db_password,
            runas=self.user,
            maintenance_db=self.database,
        )

    @property
    def database(self) -> str | None:
        """The database to connect to."""
        return None


class InDatabase(Reaching, frozen=True, kw_only=True):
    """``maintenance_db`` is the database to connect to."""

    maintenance_db: str | None = None

    @property
    def database(self) -> str | None:
        """The database to connect to."""
        return self.maintenance_db


def said_of_absent(what: str, name: str, moment: Moment) -> str:
    """Return Salt's words of something that shall not be there."""
    return {
        Moment.CORRECT: f"{what} {name} is not present, so it cannot be removed",
        Moment.WOULD: f"{what} {name} is set to be removed",
        Moment.DONE: f"{what} {name} has been removed",
    }[moment]


def said_of_present(what: str, name: str, moment: Moment, new: bool) -> str:
    """Return Salt's words of something that shall be there."""
    return {
        Moment.CORRECT: f"{what} {name} is already present",
        Moment.WOULD: f"{what} {name} is set to be {'created' if new else 'updated'}",
        Moment.DONE: f"The {what.lower()} {name} has been {'created' if new else 'updated'}",
    }[moment]
