"""Identifiers: each kind has a type, so that they cannot be mixed up."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from typing import NewType

#: An agent's public key as NATS writes it: ``U`` and 55 base-32 characters.
AgentKey = NewType("AgentKey", str)
#: A job's id: 20 digits, the time of its making in UTC to the microsecond. Sorts by time.
JobId = NewType("JobId", str)

_AGENT_KEY = re.compile(r"U[A-Z2-7]{55}", re.ASCII)
_JOB_ID = re.compile(r"[0-9]{20}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?", re.ASCII)
_lock = threading.Lock()
_last = 0


def is_agent_key(text: str) -> bool:
    """Tell whether ``text`` has the form of an agent's public key."""
    return _AGENT_KEY.fullmatch(text) is not None


def is_job_id(text: str) -> bool:
    """Tell whether ``text`` has the form of a job id."""
    return _JOB_ID.fullmatch(text) is not None


def is_agent_name(text: str) -> bool:
    """Tell whether ``text`` may be an agent's name: a host name of up to 253 letters, digits, ``. _ -``."""
    return _NAME.fullmatch(text) is not None and ".." not in text


def new_job_id(now: float) -> JobId:
    """Return an id for a job made at ``now`` (seconds since the epoch); never the same twice in a process."""
    global _last
    with _lock:
        _last = max(_last + 1, int(now * 1_000_000))
        moment = _last
    seconds, micro = divmod(moment, 1_000_000)
    return JobId(f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d%H%M%S}{micro:06d}")


def fingerprint(key: str) -> str:
    """Return a key's fingerprint as people compare it: ``SHA256:`` and 43 base-64 characters."""
    import base64  # here, because the command line starts faster without them
    import hashlib

    digest = hashlib.sha256(key.encode()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
