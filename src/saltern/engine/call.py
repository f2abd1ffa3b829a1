"""One function, run once: whatever it does, an Outcome comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern.engine.bind import bind
from saltern.engine.encode import encode
from saltern.engine.outcome import Failure, Outcome
from saltern.sdk.errors import NotSupported, SalternError
from saltern.sdk.host import Host
from saltern.sdk.registry import LIBRARY, Registry

#: Frames of a traceback that are kept, the innermost ones.
_FRAMES = 20


def call(
    host: Host,
    fun: str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    registry: Registry = LIBRARY,
) -> Outcome:
    """Run ``fun`` on ``host`` and return how it ended; only KeyboardInterrupt gets out.

    It is ``ok`` when it neither raised nor marked itself failed (``host.fail``). An error has the
    ``retcode`` the exception carries, else 1.
    """
    host.retcode = 0
    try:
        data = encode(bound(host, fun, args, kwargs or {}, registry))
    except SystemExit as error:
        return _left(error)
    except Exception as error:
        return _failed(error)
    return Outcome(ok=host.retcode == 0, retcode=host.retcode, data=data)


def bound(
    host: Host, fun: str, args: Sequence[Any], kwargs: Mapping[str, Any], registry: Registry = LIBRARY
) -> Any:
    """Call ``fun`` with its arguments checked and return what it returns, as it is.

    Raises NotFound, NotSupported, BadArgument, and whatever the function raises.
    """
    function = registry.function(fun)
    positional, named = bind(function, args, kwargs)
    refusal = function.refusal(host)
    if refusal:
        raise NotSupported(f"{fun}: {refusal}")
    return function.call(host, *positional, **named)


def _left(error: SystemExit) -> Outcome:
    """A function that tries to end the process only ends itself, and has failed unless it said 0."""
    if error.code is None or error.code == 0:
        return Outcome(ok=True, retcode=0)
    retcode = error.code if isinstance(error.code, int) else 1
    failure = Failure(kind="SystemExit", message=f"the function left with {error.code!r}")
    return Outcome(ok=False, retcode=retcode, error=failure)


def _failed(error: Exception) -> Outcome:
    retcode = getattr(error, "retcode", 1)
    if not isinstance(retcode, int) or retcode == 0:
        retcode = 1
    return Outcome(ok=False, retcode=retcode, error=describe(error))


def describe(error: Exception) -> Failure:
    """Return what an exception says; those nobody foresaw bring their traceback."""
    if isinstance(error, SalternError):
        return Failure(kind=error.code, message=str(error), hint=error.hint)
    return Failure(kind=type(error).__name__, message=_message(error), detail=_traceback(error))


def _message(error: Exception) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception as second:  # the exception is a stranger's, and so is its __str__
        return f"{type(error).__name__} that can't be shown ({type(second).__name__})"


def _traceback(error: Exception) -> str:
    """Return the traceback from the function on, without our own frames above it."""
    import traceback

    entries = traceback.extract_tb(error.__traceback__)
    own = [entry for entry in entries if entry.filename != __file__]
    kept = own[-_FRAMES:]
    return "".join([*traceback.format_list(kept), f"{type(error).__name__}: {_message(error)}"])
