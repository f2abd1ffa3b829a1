"""All that library authors import."""

from saltern.sdk.agent import AgentControl, RunningJob
from saltern.sdk.changes import NOTHING, Changes
from saltern.sdk.command import Command, Finished
from saltern.sdk.errors import (
    BadArgument,
    CommandFailed,
    Conflict,
    NotAllowed,
    NotFound,
    NotSupported,
    OutputTooLarge,
    SalternError,
    SettingsError,
    TimedOut,
    Unavailable,
    UsageError,
    nearest,
)
from saltern.sdk.facts import Address, Group, Interface, Stat, Uname, User
from saltern.sdk.host import Host
from saltern.sdk.http import Request, Response
from saltern.sdk.registry import takes
from saltern.sdk.state import Action, Done, Moment, State

__all__ = [
    "NOTHING",
    "Action",
    "Address",
    "AgentControl",
    "BadArgument",
    "Changes",
    "Command",
    "CommandFailed",
    "Conflict",
    "Done",
    "Finished",
    "Group",
    "Host",
    "Interface",
    "Moment",
    "NotAllowed",
    "NotFound",
    "NotSupported",
    "OutputTooLarge",
    "Request",
    "Response",
    "RunningJob",
    "SalternError",
    "SettingsError",
    "Stat",
    "State",
    "TimedOut",
    "Uname",
    "Unavailable",
    "UsageError",
    "User",
    "nearest",
    "takes",
]
