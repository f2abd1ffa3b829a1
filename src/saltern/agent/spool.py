"""Finished returns on disk, until the stream has them.

Of a job, by its id: ``.return`` the return as it will be published (whole or absent); ``.data`` its data
when too large for one message; ``.room`` disk space set aside before the job starts, so that a return can
be written on a full disk, its first byte 1 once a worker has the order; ``.cancel`` the user who cancelled
it. Files are 0600 in a directory 0700.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from saltern.foundation import atomic
from saltern.foundation.errors import NotFound, Unavailable
from saltern.messages.v1 import Blob, Error, Return, decode, encode
from saltern.model.ids import JobId, is_job_id
from saltern.model.status import Status

#: Data up to this many bytes travels in the return itself.
INLINE = 512 * 1024
#: Larger data travels in pieces of this many bytes.
CHUNK = 512 * 1024
#: Bytes set aside for each running job.
ROOM = 8 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Spool:
    """The directory. Workers, keepers and the agent's loop each have their own; the files are the truth."""

    def __init__(self, directory: Path) -> None:
        """Use ``directory``; make it if need be."""
        self.directory = atomic.private_directory(directory)

    # --- reading: the loop hands returns over --------------------------------------------------------

    def jids(self) -> list[JobId]:
        """Return the jobs whose return lies here, oldest first."""
        names = (
            name.removesuffix(".return") for name in os.listdir(self.directory) if name.endswith(".return")
        )
        return sorted(JobId(name) for name in names if is_job_id(name))

    def has(self, jid: JobId) -> bool:
        """Tell whether the job's return lies here."""
        return self._path(jid, "return").exists()

    def read(self, jid: JobId) -> Return:
        """Return what to publish; when it has a ``blob``, ``chunks`` gives the data.

        Raises NotFound when nothing lies here, BadMessage when the file is damaged.
        """
        try:
            return decode(self._path(jid, "return").read_bytes(), Return)
        except FileNotFoundError:
            raise NotFound(f"no return of job {jid} in the spool") from None

    def chunks(self, jid: JobId) -> Iterator[bytes]:
        """Return the data in pieces of CHUNK bytes (the last may be shorter), read as they are asked for."""
        with self._path(jid, "data").open("rb", buffering=0) as file:
            while piece := file.read(CHUNK):
                yield piece

    def remove(self, jid: JobId) -> None:
        """Forget the job's files; none there is no error."""
        for kind in ("return", "data", "room", "cancel"):
            self._path(jid, kind).unlink(missing_ok=True)

    def sweep(self, busy: set[JobId]) -> None:
        """Remove what dead writers left: every file of a job that is not ``busy`` and has no return."""
        kept = busy.union(self.jids())
        for name in os.listdir(self.directory):
            if name.partition(".")[0] not in kept:
                (self.directory / name).unlink(missing_ok=True)

    def free(self) -> int:
        """Return how many bytes this process may still write here."""
        status = os.statvfs(self.directory)
        return (status.f_bfree if os.geteuid() == 0 else status.f_bavail) * status.f_frsize

    # --- writing: workers, keepers, and the loop for jobs that have neither ---------------------------

    def set_aside(self, jid: JobId) -> None:
        """Set disk space aside for the job's return. Raises Unavailable when there is none."""
        descriptor = self._open_room(jid)
        try:
            os.posix_fallocate(descriptor, 0, ROOM)
        except OSError as error:
            self._path(jid, "room").unlink(missing_ok=True)
            raise Unavailable(
                f"no space for the job's return in {self.directory}: {error.strerror}",
                hint="free space on the agent's disk, or hand over the returns that wait there",
            ) from error
        finally:
            os.close(descriptor)

    def mark_handed(self, jid: JobId) -> None:
        """Note that the job's worker gets the order now. Needs no space; lost in a power cut."""
        descriptor = self._open_room(jid)
        try:
            os.pwrite(descriptor, b"\x01", 0)
        finally:
            os.close(descriptor)

    def was_handed(self, jid: JobId) -> bool:
        """Tell whether a worker got the order, in this boot; it may have when there is no trace of the job.

        With a return in its place it has.
        """
        try:
            with self._path(jid, "room").open("rb") as file:
                return file.read(1) == b"\x01"
        except FileNotFoundError:
            return True

    def write(self, jid: JobId, result: Return, data: bytes = b"") -> Return:
        """Put the return here, durably, and return it as it lies here.

        Data that does not fit on the disk is replaced by an error that says so; the return itself goes
        where space was set aside. Raises OSError when not even that can be written.
        """
        try:
            placed = self._place(jid, result, data)
            self._commit(jid, placed)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._path(jid, "data").unlink(missing_ok=True)
            placed = _without_data(result, len(data), self.directory)
            self._commit(jid, placed)
        return placed

    def note_cancel(self, jid: JobId, user: str) -> None:
        """Leave word for the job's keeper of who cancels it. Raises OSError."""
        atomic.write(self._path(jid, "cancel"), user.encode(), durable=False)

    def cancelled_by(self, jid: JobId) -> str | None:
        """Return who cancels the job; None when nobody does."""
        try:
            return self._path(jid, "cancel").read_text()
        except FileNotFoundError:
            return None

    def _place(self, jid: JobId, result: Return, data: bytes) -> Return:
        """Return the return with its data, or with a blob that stands for it, then on the disk."""
        if len(data) <= INLINE:
            return msgspec.structs.replace(result, data=data)
        atomic.write(self._path(jid, "data"), data)
        blob = Blob(chunks=-(-len(data) // CHUNK), size=len(data), sha256=hashlib.sha256(data).digest())
        return msgspec.structs.replace(result, blob=blob)

    def _commit(self, jid: JobId, result: Return) -> None:
        """Write into the space set aside, and give the file its name when it is on the disk."""
        descriptor = self._open_room(jid)
        try:
            content = encode(result)
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.ftruncate(descriptor, len(content))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(self._path(jid, "room"), self._path(jid, "return"))
        atomic.sync_directory(self.directory)

    def _open_room(self, jid: JobId) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._path(jid, "room"), flags, 0o600)

    def _path(self, jid: JobId, kind: str) -> Path:
        if not is_job_id(jid):
            raise ValueError(f"not a job id: {jid!r}")
        return self.directory / f"{jid}.{kind}"


def _without_data(result: Return, size: int, directory: Path) -> Return:
    error = Error(
        kind="spool_full",
        message=f"the result ({size} bytes) did not fit on the agent's disk ({directory})",
        detail=result.error.message[:2000] if result.error else "",
        hint="the function did run; free space there before it is run again",
    )
    verdict = Status.FAILED if result.verdict is Status.OK else result.verdict
    return msgspec.structs.replace(
        result,
        verdict=verdict,
        retcode=result.retcode or 1,
        data=b"",
        blob=None,
        error=error,
        reason=result.reason[:1000],
    )
