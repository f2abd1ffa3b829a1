"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return ``1 agent``, ``2 agents``, ``10,000 agents``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
