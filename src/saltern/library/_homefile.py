"""Files in somebody's home, read and written as that account.

A home belongs to its owner, who may put a link anywhere in it at any moment. What root reads or writes there
could be anybody's file; what the owner reads or writes can only be what the owner may. So it is done as the
owner.
"""

from __future__ import annotations

import posixpath
import re

from saltern.sdk import BadArgument, Command, CommandFailed, Host, User
from saltern.sdk.host import PLAIN_LOCALE

#: Shell scripts with the path as their argument; the directory is made for its owner alone.
READ = '[ -e "$1" ] || exit 0; exec cat "$1"'
WRITE = 'mkdir -p "${1%/*}" && new=$(mktemp "$1.XXXXXXXX") && cat > "$new" && mv -f "$new" "$1"'


def place(account: User, config: str) -> str:
    """Return the path meant by a setting: ``%u`` is the account's name, ``%h`` its home, ``%%`` a percent.

    A relative one lies in the home. Raises BadArgument for one that would climb.
    """
    meant = {"%u": account.name, "%h": account.home, "%%": "%"}
    path = posixpath.join(account.home, re.sub("%[uh%]", lambda met: meant[met[0]], config))
    if ".." in path.split("/") or not path.startswith("/") or "\0" in path:
        raise BadArgument(f"{config!r} is no path of a file")
    return posixpath.normpath(path)


def read(host: Host, account: User, path: str) -> str:
    """Return a file's text; nothing when it isn't there. Raises CommandFailed, NotAllowed."""
    if not _is_theirs(host, account, path):
        return host.text(path, "")
    return _as_them(host, account, READ, path).decode(errors="surrogateescape")


def write(host: Host, account: User, path: str, text: str) -> None:
    """Replace a file's text; its directory is made if need be. Raises CommandFailed, NotAllowed."""
    data = text.encode(errors="surrogateescape")
    if _is_theirs(host, account, path):
        _as_them(host, account, WRITE, path, data)
        return
    host.make_directory(posixpath.dirname(path))
    host.write(path, data, None if host.exists(path) else 0o644)


def _is_theirs(host: Host, account: User, path: str) -> bool:
    """Tell whether a path lies in the home of another account than the one we run as."""
    return host.user().uid != account.uid and path.startswith(f"{account.home.rstrip('/')}/")


def _as_them(host: Host, account: User, script: str, path: str, data: bytes = b"") -> bytes:
    argv = ("/bin/sh", "-c", script, "sh", path)
    command = Command(
        argv=argv, stdin=data, cwd="/", user=account.name, umask=0o077, env=PLAIN_LOCALE, timeout=60.0
    )
    done = host.execute(command)
    if done.retcode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise CommandFailed(
            f"{path} can't be used as {account.name}: {said}", hint="is the home directory there, and theirs?"
        )
    return done.stdout
