"""What can be wrong with a target, shown with a caret at the fault."""

from __future__ import annotations

from typing import ClassVar

from saltern.foundation.errors import SalternError, UsageError

_WINDOW = 72


class TargetError(UsageError):
    """A target expression that cannot be understood.

    ``expression`` is what was written, ``position`` the offset (in characters) of the fault in it.
    """

    code = "target"

    def __init__(self, fault: str, expression: str, position: int = 0, *, hint: str = "") -> None:
        super().__init__(f"{fault}\n{_pointed(expression, position)}", hint=hint)
        self.fault = fault
        self.expression = expression
        self.position = position


class NobodyMatched(SalternError):
    """A target that is well formed and means no agent at all. Has its own exit code at the CLI."""

    code: ClassVar[str] = "no_match"

    def __init__(self, expression: str, *, hint: str = "") -> None:
        super().__init__(
            f"no agent matches {expression!r}",
            hint=hint
            or "`saltern target EXPRESSION` shows who is meant and why; `saltern minions` lists all",
        )


def _pointed(expression: str, position: int) -> str:
    """Return the part of ``expression`` around the fault, and below it a line with a caret."""
    start = max(0, position - _WINDOW // 2)
    shown = "".join(c if c.isprintable() else "?" for c in expression[start : start + _WINDOW])
    lead = "…" if start else ""
    tail = "…" if start + _WINDOW < len(expression) else ""
    return f"  {lead}{shown}{tail}\n  {' ' * (len(lead) + position - start)}^"
