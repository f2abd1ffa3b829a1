"""The states of ``file``, gathered from where they are written."""

from __future__ import annotations

from saltern.library.file.directory import Directory
from saltern.library.file.edit import Append, Prepend, Replace
from saltern.library.file.managed import Managed
from saltern.library.file.simple import Absent, Exists, Missing, Symlink, Touch

__all__ = [
    "Absent",
    "Append",
    "Directory",
    "Exists",
    "Managed",
    "Missing",
    "Prepend",
    "Replace",
    "Symlink",
    "Touch",
]
