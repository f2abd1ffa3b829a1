"""One state made true: look, mend, look again. Test mode lives here and nowhere else."""

from __future__ import annotations

from typing import Any

from saltern.engine.call import describe
from saltern.engine.door import Looking, Mending
from saltern.engine.mark import mark
from saltern.engine.result import Result
from saltern.sdk import Changes, Conflict, Done, Moment, SalternError, State


def ensure(
    state: State, looking: Looking, mending: Mending | None, expected: Changes | None = None
) -> Result:
    """Return how ``state`` ended. Without ``mending`` it is a dry run, and ``apply`` is never called.

    With ``expected``, nothing is done unless exactly that is what differs; its ``mend`` is a mark, if any.
    """
    if mending is not None and expected is None and not state.LOOKS_FIRST:
        return _mended(state, Changes(), looking, mending)
    try:
        changes = state.check(looking)
    except Exception as error:
        return failure(error)
    if not changes:
        return _ended(True, state, changes, Moment.CORRECT)
    if mending is None:
        return _ended(changes.verdict, state, changes, Moment.WOULD)
    if expected is not None and not same(changes, expected):
        return failure(_unexpected(changes, expected))
    return _mended(state, changes, looking, mending)


def same(changes: Changes, expected: Changes) -> bool:
    """Tell whether findings are what was expected: what is shown of them, and the mark of what is not."""
    alike = expected.mend is None or mark(changes.mend) == expected.mend
    return alike and dict(changes) == dict(expected) and changes.unknown == expected.unknown


def failure(error: Exception, changes: dict[str, Any] | None = None) -> Result:
    """Return the result of a state that raised; those errors nobody foresaw bring their traceback."""
    said = describe(error)
    if isinstance(error, SalternError):
        comment = said.message + (f"\nhint: {said.hint}" if said.hint else "")
    else:
        comment = f"An exception occurred in this state: {said.detail or said.message}"
    return Result(result=False, comment=comment, changes=changes or {})


def _mended(state: State, changes: Changes, looking: Looking, mending: Mending) -> Result:
    try:
        done = state.apply(mending, changes) or Done(changes=dict(changes))
        left = state.check(looking) if state.LOOKS_AGAIN and done.ok else Changes()
    except Exception as error:
        return failure(error, dict(changes) if mending.touched else None)
    shown = dict(done.changes)
    warnings = (*changes.warnings, *done.warnings)
    if left:
        comment = f"Changed, and still not as it should be: {', '.join(left) or left.unknown}"
        return Result(result=False, comment=comment, changes=shown, warnings=warnings)
    comment = done.comment or state.says(changes, Moment.DONE)
    return Result(result=done.ok, comment=comment, changes=shown, warnings=warnings)


def _ended(result: bool | None, state: State, changes: Changes, moment: Moment) -> Result:
    return Result(
        result=result,
        comment=changes.comment or state.says(changes, moment),
        changes=dict(changes),
        unknown=changes.unknown,
        warnings=changes.warnings,
        mark="" if result is True else mark(changes.mend),
    )


def _unexpected(changes: Changes, expected: Changes) -> Conflict:
    names = sorted(name for name in {*changes, *expected} if changes.get(name) != expected.get(name))
    return Conflict(
        f"not done: what would change is no longer what was planned ({', '.join(names) or 'all of it'})",
        hint="make a new plan",
    )
