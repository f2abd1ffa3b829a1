"""Archives opened to be read: tar, whatever it is compressed with, and zip."""

from __future__ import annotations

import contextlib
import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from saltern.library.archive.entries import Entry, Kind, Measure, relative
from saltern.sdk import BadArgument, Command, CommandFailed, Conflict, Host, NotAllowed, NotSupported

if TYPE_CHECKING:
    import tarfile
    import zipfile

_PIECE = 1024 * 1024
#: Bytes that one header of an archive may have.
_LONGEST_HEADER = 16 * 1024 * 1024
_ENDINGS = {
    "tar": (
        *("tar", "tgz", "tbz", "tbz2", "txz", "tlz", "tzst", "taz", "tar.gz", "tar.bz2", "tar.xz"),
        *("tar.lzma", "tar.zst", "tar.lz4", "tar.lzo", "tar.z", "box"),
    ),
    "zip": ("zip", "jar", "war", "ear", "whl", "apk", "xpi"),
    "rar": ("rar",),
}
#: How files begin that a program of their own has to unpack.
_PROGRAMS = {
    b"\x28\xb5\x2f\xfd": ("zstd", "-dcq"),
    b"\x04\x22\x4d\x18": ("lz4", "-dcq"),
    b"\x89LZO": ("lzop", "-dc"),
    b"\x1f\x9d": ("gzip", "-dc"),
}


class Archive(Protocol):
    """An archive that is open."""

    kind: str
    entries: list[Entry]

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """Give a file's content."""


def kind_of(name: str, archive_format: str | None) -> str:
    """Return ``tar``, ``zip`` or ``rar``, as told or by a name's ending; nothing when it tells nothing."""
    if archive_format is not None:
        if archive_format not in _ENDINGS:
            raise BadArgument(f"archive_format = {archive_format!r}: tar, zip or rar is wanted")
        return archive_format
    plain = name.partition("?")[0].lower()
    return next((kind for kind, ends in _ENDINGS.items() if plain.endswith(tuple(f".{e}" for e in ends))), "")


@contextmanager
def opened(
    host: Host, path: str, kind: str = "", password: str | None = None, most: int | None = None
) -> Iterator[Archive]:
    """Open an archive. Raises Conflict for what is none, NotSupported, OutputTooLarge, NotFound."""
    with host.open(path) as file:
        begins = file.read(8)
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        kind = kind or ("zip" if begins.startswith(b"PK") else "rar" if begins.startswith(b"Rar!") else "tar")
        if kind == "rar":
            raise NotSupported("rar archives are not unpacked here", hint="archive.unrar runs the program")
        measure = Measure(size, most)
        with _named(path):
            if kind == "zip":
                archive: Archive = _Zip(file, measure, password)
            else:
                archive = _Tar(_decompressed(host, path, file, begins), measure)
        yield archive


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Turn what the standard library says of a broken archive into an error that names it."""
    import lzma
    import tarfile
    import zipfile
    import zlib

    broken = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, ValueError, OSError)
    try:
        yield
    except broken as error:
        raise Conflict(f"{path} can't be unpacked: {error or type(error).__name__}") from error


def _decompressed(host: Host, path: str, file: BinaryIO, begins: bytes) -> IO[bytes]:
    """Return the stream within; what has a program of its own is unpacked by it, in memory."""
    import bz2
    import gzip
    import lzma

    for magic, program in _PROGRAMS.items():
        if begins.startswith(magic):
            return io.BytesIO(_by_program(host, path, program))
    if begins.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if begins.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(file))
    if begins.startswith((b"\xfd7zXZ", b"\x5d\0\0")):
        return cast(IO[bytes], lzma.LZMAFile(file))
    return file


def _by_program(host: Host, path: str, program: tuple[str, str]) -> bytes:
    if host.which(program[0]) is None:
        raise NotSupported(
            f"the program {program[0]!r} is not on this host", hint="install it: pkg.installed"
        )
    done = host.execute(Command(argv=(*program, "--", path)))
    if done.retcode:
        said = done.stderr.decode(errors="replace").strip()
        raise CommandFailed(f"{program[0]} {path}: {said}", retcode=done.retcode)
    return done.stdout


class _Bounded(io.RawIOBase):
    """A stream of which nobody reads much at once, however long a header says it is."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise ValueError("a header of the archive is longer than any can be")
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()


class _Tar:
    """A tar archive."""

    kind = "tar"

    def __init__(self, stream: IO[bytes], measure: Measure) -> None:
        import tarfile

        self._tar = tarfile.open(fileobj=_Bounded(stream), mode="r:")  # noqa: SIM115 - the stream is closed
        self.entries = []
        for member in self._tar:
            measure.add(member.size if member.isfile() else 0)
            entry = _of_tar(member)
            if entry is not None:
                self.entries.append(entry)

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        file = self._tar.extractfile(entry.handle)
        while file is not None and (piece := file.read(_PIECE)):
            yield piece


def _of_tar(member: tarfile.TarInfo) -> Entry | None:
    path = relative(member.name)
    if not path:
        return None
    kind: Kind = "file"
    for is_it, name in (
        (member.isdir(), "directory"),
        (member.issym(), "link"),
        (member.islnk(), "hard"),
        (member.isfifo(), "pipe"),
        (member.ischr() or member.isblk(), "device"),
    ):
        kind = cast(Kind, name) if is_it else kind
    return Entry(
        path=path,
        kind=kind,
        mode=member.mode & 0o7777,
        size=member.size if kind == "file" else 0,
        modified=float(member.mtime),
        uid=member.uid,
        gid=member.gid,
        user=member.uname,
        group=member.gname,
        target=relative(member.linkname) if kind == "hard" else member.linkname,
        device=(member.devmajor, member.devminor) if kind == "device" else (0, 0),
        block=member.isblk(),
        handle=member,
    )


class _Zip:
    """A zip archive."""

    kind = "zip"

    def __init__(self, stream: BinaryIO, measure: Measure, password: str | None) -> None:
        import zipfile

        self._zip = zipfile.ZipFile(stream)
        self._password = password.encode() if password else None
        self.entries = []
        for one in self._zip.infolist():
            measure.add(one.file_size)
            if relative(one.filename):
                self.entries.append(self._entry(one))

    def _entry(self, one: zipfile.ZipInfo) -> Entry:
        bits = one.external_attr >> 16
        kind: Kind = "directory" if one.is_dir() else "link" if stat.S_ISLNK(bits) else "file"
        made = Entry(
            path=relative(one.filename),
            kind=kind,
            mode=stat.S_IMODE(bits) or (0o755 if kind == "directory" else 0o644),
            size=one.file_size,
            modified=_when(one.date_time),
            handle=one,
        )
        if kind != "link":
            return made
        import msgspec

        if one.file_size > 4096:
            raise Conflict(f"the archive holds the link {made.path!r} with {one.file_size} bytes")
        target = b"".join(self.pieces(made)).decode(errors="surrogateescape")
        return msgspec.structs.replace(made, target=target)

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        try:
            with self._zip.open(entry.handle, pwd=self._password) as file:
                while piece := file.read(_PIECE):
                    yield piece
        except NotImplementedError as error:
            raise NotSupported(f"{entry.path}: {error}", hint="it may be encrypted with AES") from error
        except RuntimeError as error:
            hint = "- password: …" if self._password is None else "is the password right?"
            raise NotAllowed(f"{entry.path} is encrypted", hint=hint) from error


def _when(moment: tuple[int, ...]) -> float:
    """Return a zip's time, which has no zone, as seconds since the epoch, read as UTC."""
    import calendar

    with contextlib.suppress(ValueError):
        return float(calendar.timegm((*moment, 0, 0, 0)))
    return 0.0


def content(archive: Archive, entry: Entry, path: str) -> Iterator[bytes]:
    """Give a file's content; what is broken in it is an error that names the archive."""
    pieces: Any = archive.pieces(entry)
    while True:
        with _named(path):
            piece = next(pieces, b"")
        if not piece:
            return
        yield piece
