"""What a file holds: read, hashed, searched."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from saltern.library._command import Options, execute
from saltern.library.file import place
from saltern.library.file.look import file_exists, found_at, globbed
from saltern.sdk import BadArgument, Conflict, Host, NotFound


def read(host: Host, path: str, binary: bool = False) -> str | bytes:
    """Return what a file holds; as bytes with ``binary``. Raises NotFound, NotAllowed, OutputTooLarge.

    Example:
        saltern run '*' file.read /etc/hostname
    """
    data = host.read(path)
    return data if binary else place.decoded(data).encode(errors="replace").decode()


def readdir(host: Host, path: str) -> list[str]:
    """Return the names in a directory, with ``.`` and ``..``. Raises NotFound.

    Example:
        saltern run '*' file.readdir /etc/apt
    """
    return [".", "..", *host.list_directory(path)]


def readlink(host: Host, path: str, canonicalize: bool = False) -> str:
    """Return where a link points, as written; with ``canonicalize`` where it leads in the end.

    Raises Conflict for what is no link.

    Example:
        saltern run '*' file.readlink /etc/mtab
    """
    there = found_at(host, path, follow=False)
    if there.kind != "link":
        raise Conflict(f"{path}: a {there.kind}, not a link")
    return host.real_path(path) if canonicalize else there.target


def seek_read(host: Host, path: str, size: int, offset: int) -> str:
    """Return as many bytes of a file, from an offset on, as text.

    Example:
        saltern run '*' file.seek_read /etc/hosts 10 0
    """
    return host.read(path)[offset : offset + size].decode(errors="replace")


def get_hash(host: Host, path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """Return a hash of a file, in hexadecimal. ``chunk_size`` is accepted as Salt has it.

    Example:
        saltern run '*' file.get_hash /etc/passwd sha512
    """
    return place.digest(form, host.read(path))


def get_sum(host: Host, path: str, form: str = "sha256") -> str:
    """Return a hash of a file; a word for a path at which none lies.

    Example:
        saltern run '*' file.get_sum /etc/passwd
    """
    return get_hash(host, path, form) if file_exists(host, path) else "File not found"


def check_hash(host: Host, path: str, file_hash: str) -> bool:
    """Tell whether a file has a hash: its digits, or ``kind=digits`` (or ``kind:digits``).

    Example:
        saltern run '*' file.check_hash /etc/motd md5:d41d8cd98f00b204e9800998ecf8427e
    """
    from saltern.library.file.origin import inline

    found = inline(file_hash.replace(":", "="))
    if found is None:
        raise BadArgument(f"file_hash = {file_hash!r} is no hash", hint="write sha256=<64 digits>")
    return found.fits(host.read(path))


def contains(host: Host, path: str, text: str) -> bool:
    """Tell whether a line of a file has a text in it, white space at its ends aside.

    Example:
        saltern run '*' file.contains /etc/crontab mymaintenance.sh
    """
    wanted = str(text).strip()
    return any(wanted in line for line in _lines(host, path))


def contains_regex(host: Host, path: str, regex: str, lchar: str = "") -> bool:
    """Tell whether a regular expression matches in a line of a file; ``lchar`` is taken from its left first.

    Example:
        saltern run '*' file.contains_regex /etc/crontab '^root'
    """
    found = re.compile(place.expression(regex))
    return any(found.search(line.lstrip(lchar) if lchar else line) for line in _lines(host, path))


def contains_glob(host: Host, path: str, glob_expr: str) -> bool:
    """Tell whether a glob matches a line of a file.

    Example:
        saltern run '*' file.contains_glob /etc/foobar '*cheese*'
    """
    return any(fnmatch.fnmatchcase(line, glob_expr) for line in _lines(host, path))


def _lines(host: Host, path: str) -> list[str]:
    return place.decoded(host.read(path)).splitlines() if file_exists(host, path) else []


def search(
    host: Host,
    path: str,
    pattern: str,
    flags: int | str | list[str] = 8,
    bufsize: int | str = 1,
    ignore_if_missing: bool = False,
    multiline: bool = False,
) -> bool:
    """Tell whether a regular expression matches in a file.

    Example:
        saltern run '*' file.search /etc/crontab 'mymaintenance.sh'
    """
    from saltern.library.file.edit import Replace

    if ignore_if_missing and not host.exists(path):
        return False
    replace = Replace(name=path, pattern=pattern, repl="", flags=flags)
    return replace.expression().search(place.decoded(host.read(path))) is not None


def grep(host: Host, path: str, pattern: str, *opts: str) -> dict[str, Any]:
    """Look for a pattern with the program grep; return ``{pid, retcode, stdout, stderr}``.

    ``path`` may be a glob.

    Example:
        saltern run '*' file.grep /etc/passwd nobody -- -i
    """
    options = [one for one in opts if one != "--"]
    words = ["grep", *options, "-e", pattern, "--", *(globbed(host, path) or [path])]
    return execute(host, words, None, Options(ignore_retcode=True))


def diskusage(host: Host, path: str) -> int:
    """Return how many bytes a file, or all files below a directory, hold; links are not followed.

    Example:
        saltern run '*' file.diskusage /var/log
    """
    there = host.stat(path, follow=False)
    if there is None:
        return 0
    if there.kind != "directory":
        return there.size
    return sum(diskusage(host, f"{path}/{name}") for name in host.list_directory(path))


def open_files(host: Host, by_pid: bool = False) -> dict[str, list[str]]:
    """Return the files that processes have open, each with their ids; with ``by_pid`` the other way round.

    Example:
        saltern run '*' file.open_files
    """
    files: dict[str, list[str]] = {}
    pids: dict[str, list[str]] = {}
    for pid in filter(str.isdigit, host.list_directory("/proc")):
        for path in _open_in(host, pid):
            files.setdefault(path, []).append(pid)
            pids.setdefault(pid, []).append(path)
    return pids if by_pid else files


def _open_in(host: Host, pid: str) -> list[str]:
    from saltern.sdk import NotAllowed

    try:
        names = host.list_directory(f"/proc/{pid}/fd")
    except (NotFound, NotAllowed):  # it has ended, or is somebody else's
        return []
    there = (host.stat(f"/proc/{pid}/fd/{name}", follow=False) for name in names)
    return sorted({one.target for one in there if one is not None and one.target.startswith("/")})
