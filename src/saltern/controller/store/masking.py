"""Arguments as the audit log may show them: what looks like a secret is covered."""

from __future__ import annotations

import re
from typing import Any

MASK = "****"

_NAME = r"passw|passphrase|pwd|secret|token|credential|api[_-]?key|private[_-]?key"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
#: ``name=value``, ``name: value``, ``--name value``. A word is looked at once, from its beginning, and
#: nothing is given back (``++``): time is in proportion to the text, whoever wrote it.
_ASSIGNED = re.compile(
    rf"(?<![\w-])((?=[\w-]*?(?:{_NAME}))(?:[\w-]++[\"']?\s*+[=:]\s*+|--[\w-]++\s++))\S++", re.IGNORECASE
)
_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END|\Z)", re.DOTALL)


def masked(value: Any) -> Any:
    """Return ``value`` with secrets replaced by ``****``: values of telling names, parts of texts."""
    if isinstance(value, dict):
        return {str(name): _of_name(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(inner) for inner in value]
    return _text(value) if isinstance(value, str) else value


def _of_name(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name) and not isinstance(value, (bool, type(None))):
        return MASK
    return masked(value)


def _text(text: str) -> str:
    text = _PRIVATE_KEY.sub(MASK, text)
    text = _IN_URL.sub(rf"\g<1>{MASK}@", text)
    return _ASSIGNED.sub(rf"\g<1>{MASK}", text)
