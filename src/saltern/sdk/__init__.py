"""All that library authors import."""

from saltern.sdk.agent import AgentControl, RunningJob
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
from saltern.sdk.facts import Address, Interface, Stat, Uname, User
from saltern.sdk.host import Host
from saltern.sdk.registry import takes

__all__ = [
    "Address",
    "AgentControl",
    "BadArgument",
    "Command",
    "CommandFailed",
    "Conflict",
    "Finished",
    "Host",
    "Interface",
    "NotAllowed",
    "NotFound",
    "NotSupported",
    "OutputTooLarge",
    "RunningJob",
    "SalternError",
    "SettingsError",
    "Stat",
    "TimedOut",
    "Uname",
    "Unavailable",
    "UsageError",
    "User",
    "nearest",
    "takes",
]
