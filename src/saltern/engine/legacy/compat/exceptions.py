"""Salt's exceptions: what modules raise is an error of ours, and ours reach modules as these."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

from saltern.sdk import BadArgument, SalternError, TimedOut


class SaltException(SalternError):
    """What the others are derived from."""

    code: ClassVar[str] = "salt_exception"

    def __init__(self, message: Any = "", **more: Any) -> None:
        super().__init__(str(message), hint=more.pop("hint", ""), where=more.pop("where", ""))
        self.info: Any = more.get("info", {})

    @property
    def strerror(self) -> str:
        """The message, under the name that old modules ask for."""
        return self.message


class CommandExecutionError(SaltException):
    """Something could not be done."""

    code: ClassVar[str] = "command_failed"


class SaltInvocationError(SaltException, TypeError):
    """A function was called with wrong arguments."""

    code: ClassVar[str] = "bad_argument"


class ArgumentValueError(CommandExecutionError):
    """An argument has a wrong value."""

    code: ClassVar[str] = "bad_argument"


class CommandNotFoundError(SaltException):
    """A program is missing."""

    code: ClassVar[str] = "not_found"


class MinionError(SaltException):
    """The agent could not do something, such as fetch a file."""


class FileserverConfigError(SaltException):
    """The file roots are set up wrongly."""


class FileLockError(SaltException):
    """A lock could not be had."""


class FileNotFoundError(SaltException):
    """A file is not there."""

    code: ClassVar[str] = "not_found"


class GitLockError(SaltException):
    """A lock of git could not be had."""


class LoaderError(SaltException):
    """A module can't be loaded."""


class PkgParseError(SaltException):
    """What a package manager printed can't be read."""


class SaltConfigurationError(SaltException):
    """Settings are wrong."""

    code: ClassVar[str] = "settings"


class SaltRenderError(SaltException):
    """A template can't be rendered."""


class SaltReqTimeoutError(SaltException):
    """A question was not answered in time."""

    code: ClassVar[str] = "timed_out"


class SaltSystemExit(SystemExit):
    """The end of the process is asked for."""

    def __init__(self, code: int = 0, msg: str | None = None) -> None:
        super().__init__(code)
        self.message = msg or ""


class SaltCloudException(SaltException):
    """A provider of machines could not do something."""


class SaltCloudSystemExit(SaltCloudException):
    """A provider of machines can't go on."""


class TimedProcTimeoutError(SaltException):
    """A program took too long."""

    code: ClassVar[str] = "timed_out"


class TimeoutError(SaltException):
    """Something took too long."""

    code: ClassVar[str] = "timed_out"


class TemplateError(SaltException):
    """A template could not be rendered."""


class CheckError(SaltException):
    """A check failed."""


class AuthenticationError(SaltException):
    """Somebody is not who they say."""

    code: ClassVar[str] = "not_allowed"


class AuthorizationError(SaltException):
    """Somebody may not do that."""

    code: ClassVar[str] = "not_allowed"


class UnsupportedAlgorithm(SaltException):
    """An algorithm is not known."""


class VMwareSaltError(CommandExecutionError):
    """VMware could not do something."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn our errors into those that Salt modules expect."""
    try:
        yield
    except SaltException:
        raise
    except SalternError as error:
        kind = next((theirs for ours, theirs in _THEIRS if isinstance(error, ours)), CommandExecutionError)
        raise kind(error.message, hint=error.hint, where=error.where) from error


_THEIRS: tuple[tuple[type[SalternError], type[SaltException]], ...] = (
    (BadArgument, SaltInvocationError),
    (TimedOut, TimeoutError),
)
