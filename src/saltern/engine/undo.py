"""Taking a run back: files, modes, owners, links, and what was there or wasn't."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from saltern.engine.journal import Former, Head, Left, Noted, left_at, read_lines, runs
from saltern.engine.turn import turn
from saltern.foundation import atomic
from saltern.sdk import Conflict, Host, NotFound, SalternError, Stat, User


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an undo: paths brought back, and what could not be, each with the reason."""

    run: str
    restored: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


#: In the record of a run that has been undone.
_UNDONE = "undone"


def find(directory: Path, run: str | None = None) -> Head:
    """Return the run that begins with ``run``, or that the job ``run`` made; without, the latest that
    changed something and still stands.

    Raises NotFound.
    """
    for head in runs(directory):
        if (head.run.startswith(run) or head.job == run) if run else _stands(directory / head.run):
            return head
    said = f"no run {run!r} is recorded here" if run else "no run that could be undone is recorded here"
    raise NotFound(said, hint="state.runs lists them")


def _stands(record: Path) -> bool:
    changed = any((record / name).stat().st_size for name in ("before.jsonl",) if (record / name).exists())
    return changed and not (record / _UNDONE).exists()


def undo(host: Host, directory: Path, head: Head) -> Undone:
    """Bring back what a run has changed, the last change first, and say what can't be.

    Raises Busy while a run changes the machine.
    """
    record = directory / head.run
    formers: list[Former] = list(read_lines(record / "before.jsonl", Former))
    after = {one.path: one for one in read_lines(record / "after.jsonl", Left)}
    restored: list[str] = []
    left: list[str] = []
    with turn(directory, msgspec.structs.replace(head, what=f"undo of {head.run}")):
        for former in _in_order(formers):
            try:
                _refuse_what_others_did(host, after.get(former.path))
                if _restore(host, record, former):
                    restored.append(former.path)
            except SalternError as error:
                left.append(f"{former.path}: {error}")
        atomic.write(record / _UNDONE, b"")
    return Undone(run=head.run, restored=tuple(restored), left=(*left, *_beyond(record)))


def _refuse_what_others_did(host: Host, left: Left | None) -> None:
    """Raise Conflict when a path is no longer as the run left it; a killed run did not say how it left it."""
    if left is not None and left.kind != "directory" and left_at(host, left.path) != left:
        raise Conflict("it has been changed since, by somebody else; left as it is")


def _in_order(formers: list[Former]) -> list[Former]:
    """Return what was absent from the deepest path up, then what was there from the uppermost down."""
    absent = sorted((one for one in formers if one.stat is None), key=lambda one: one.path, reverse=True)
    return absent + sorted((one for one in formers if one.stat is not None), key=lambda one: one.path)


def _restore(host: Host, record: Path, former: Former) -> bool:
    """Make one path what it was; tell whether that took anything. Raises SalternError when it can't be."""
    now = host.stat(former.path, follow=False)
    if former.stat is None:
        if now is not None:
            host.remove(former.path)  # a directory that is no longer empty stays
        return now is not None
    if former.lost:
        raise NotFound(f"its former content is not kept: {former.lost}")
    changed = now is None or now.kind != former.stat.kind
    if now is not None and changed:
        (host.remove_tree if now.kind == "directory" else host.remove)(former.path)
    if former.stat.kind == "file":
        changed = _restore_file(host, record, former, former.stat) or changed
    elif former.stat.kind == "link":
        changed = _restore_link(host, former, now) or changed
    elif former.stat.kind == "directory" and changed:
        host.make_directory(former.path, former.stat.mode)
    elif changed:
        raise NotFound(f"it was a {former.stat.kind}, which can't be made again")
    return _restore_rights(host, former.path, former.stat) or changed


def _restore_file(host: Host, record: Path, former: Former, was: Stat) -> bool:
    data = (record / "content" / former.content).read_bytes()
    there = host.stat(former.path, follow=False)
    if there is not None and there.size == len(data) and host.read(former.path) == data:
        return False
    owner = User(name=str(was.uid), uid=was.uid, gid=was.gid)
    host.write(former.path, data, was.mode, owner)
    return True


def _restore_link(host: Host, former: Former, now: Stat | None) -> bool:
    assert former.stat is not None
    if now is not None and now.kind == "link" and now.target == former.stat.target:
        return False
    host.link(former.path, former.stat.target)
    return True


def _restore_rights(host: Host, path: str, was: Stat) -> bool:
    now = host.stat(path, follow=False)
    if now is None:
        return False
    owner = (now.uid, now.gid) != (was.uid, was.gid)
    if owner:
        host.set_owner(path, was.uid, was.gid)
        now = host.stat(path, follow=False) or now
    mode = was.kind != "link" and now.mode != was.mode
    if mode:
        host.set_mode(path, was.mode)
    return owner or mode


def _beyond(record: Path) -> Iterator[str]:
    """Give what the run did that nothing can take back, each thing once."""
    noted: list[Noted] = list(read_lines(record / "steps.jsonl", Noted))
    yield from dict.fromkeys(f"{one.what} ({_named(one.key)})" for one in noted if one.event == "beyond")


def _named(key: str) -> str:
    module, id_, _, function = key.split("_|-", 3)
    return f"{module}.{function} {id_}"
