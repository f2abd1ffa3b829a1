"""States on this very machine, in a directory of a test's own: looked at, run, and run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from saltern.engine.door import PLAIN, Looking, Mending
from saltern.engine.ensure import ensure
from saltern.engine.result import Result
from saltern.sdk import Host, State


def tree(path: Path) -> dict[str, Any]:
    """Return all that lies below a path, with modes, contents and times."""
    found = {}
    for one in sorted(path.rglob("*")):
        about = one.lstat()
        content = one.read_bytes() if one.is_file() and not one.is_symlink() else b""
        found[str(one)] = (about.st_mode, about.st_mtime_ns, content)
    return found


def once(host: Host, state: State, where: Path) -> Result:
    """Look, which must change nothing below ``where``; then run, and return the result."""
    before = tree(where)
    ensure(state, Looking(host), None)
    assert tree(where) == before, "a dry run has changed something"
    return ensure(state, Looking(host), Mending(host, PLAIN, None, lambda _: None, lambda _: None))


def kept(host: Host, state: State, where: Path) -> Result:
    """Look, run, and run again, which must find nothing to do; return the first run's result."""
    done = once(host, state, where)
    assert done.result, done
    again = once(host, state, where)
    assert again.result, again
    assert not again.changes, again
    return done
