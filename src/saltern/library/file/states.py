"""The states of ``file``, gathered from where they are written."""

from __future__ import annotations

from saltern.library.file.cached import Cached, NotCached
from saltern.library.file.data import Serialize
from saltern.library.file.directory import Directory
from saltern.library.file.edit import Append, Prepend, Replace
from saltern.library.file.managed import Managed
from saltern.library.file.move import Copy, Hardlink, Mknod, Rename
from saltern.library.file.patch import Patch
from saltern.library.file.recurse import Recurse
from saltern.library.file.simple import Absent, Exists, Missing, Symlink, Touch
from saltern.library.file.text import Accumulated, Blockreplace, Comment, Decode, Keyvalue, Line, Uncomment
from saltern.library.file.tidy import Pruned, RetentionSchedule, Tidied

__all__ = [
    "Absent",
    "Accumulated",
    "Append",
    "Blockreplace",
    "Cached",
    "Comment",
    "Copy",
    "Decode",
    "Directory",
    "Exists",
    "Hardlink",
    "Keyvalue",
    "Line",
    "Managed",
    "Missing",
    "Mknod",
    "NotCached",
    "Patch",
    "Prepend",
    "Pruned",
    "Recurse",
    "Rename",
    "Replace",
    "RetentionSchedule",
    "Serialize",
    "Symlink",
    "Tidied",
    "Touch",
    "Uncomment",
]
