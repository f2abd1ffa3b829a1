"""``salt.utils.jid``: what ids of jobs look like."""

from __future__ import annotations

import datetime
from typing import Any


def gen_jid(opts: Any = None) -> str:
    """Return an id made of the time."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y%m%d%H%M%S%f")


def is_jid(jid: Any) -> bool:
    """Tell whether text looks like an id."""
    return isinstance(jid, str) and len(jid) in (20, 27) and jid[:20].isdigit()
