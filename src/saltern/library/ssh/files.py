"""Keys and known hosts where a host keeps them: in homes, or for all in ``/etc/ssh``."""

from __future__ import annotations

from collections.abc import Sequence

from saltern.library import _homefile
from saltern.library.file import origin
from saltern.library.ssh.authorized import Key, key, keys, settled, without
from saltern.library.ssh.known import KnownHost, entries, hashed, host_name, read_line
from saltern.sdk import Command, Conflict, Host, NotFound, NotSupported, Unavailable
from saltern.sdk.host import PLAIN_LOCALE

#: Where they lie unless said otherwise: below a home, or for everybody.
AUTHORIZED, KNOWN, KNOWN_TO_ALL = ".ssh/authorized_keys", ".ssh/known_hosts", "/etc/ssh/ssh_known_hosts"


def text(host: Host, user: str | None, config: str) -> str:
    """Return a file's text; without an account ``config`` is an absolute path. Raises NotFound."""
    if user is None:
        return host.text(config, "")
    account = host.user(user)
    return _homefile.read(host, account, _homefile.place(account, config))


def put(host: Host, user: str | None, config: str, new: str) -> None:
    """Replace a file's text. Raises NotFound, CommandFailed."""
    if user is None:
        host.write(config, new.encode(errors="surrogateescape"))
        return
    account = host.user(user)
    _homefile.write(host, account, _homefile.place(account, config), new)


def keys_in(host: Host, source: str) -> list[Key]:
    """Return the keys in a file of the file roots, of this host, or of the web. Raises NotFound."""
    _, data = origin.first(host, source, origin.Fetching(name=source, skip_verify=True))
    return keys(data.decode(errors="replace"))


def settle(host: Host, user: str, config: str, wanted: Sequence[Key], alone: bool = False) -> dict[str, str]:
    """Have keys in an account's file, and with ``alone`` no others; return what became of each."""
    new, became = settled(text(host, user, config), wanted, alone)
    if became:
        put(host, user, config, new)
    return dict(became)


def take_out(host: Host, user: str, config: str, digits: Sequence[str]) -> list[str]:
    """Take keys out of an account's file; return those that were in it."""
    new, gone = without(text(host, user, config), digits)
    if gone:
        put(host, user, config, new)
    return gone


def known(
    host: Host, user: str | None, hostname: str, config: str | None, port: int | None
) -> list[KnownHost]:
    """Return what an account, or everybody, knows of a host."""
    return entries(text(host, user, place_of_known(user, config)), host_name(hostname, port))


def place_of_known(user: str | None, config: str | None) -> str:
    """Return where known hosts lie."""
    return config or (KNOWN if user is not None else KNOWN_TO_ALL)


def received(
    host: Host, hostname: str, enc: str | None, port: int | None, timeout: int, hide: bool
) -> list[KnownHost]:
    """Ask a host for its keys, without knowing that it is the right one. Raises Unavailable, NotSupported."""
    name = host_name(hostname, port)
    if host.which("ssh-keyscan") is None:
        raise NotSupported("the program 'ssh-keyscan' is not on this host", hint="give the key: key and enc")
    words = ["-p", str(port)] if port else []
    words += ["-t", _plain(enc)] if enc else []
    argv = ("ssh-keyscan", *words, "-T", str(timeout), hostname)
    done = host.execute(Command(argv=argv, env=PLAIN_LOCALE, timeout=timeout + 30.0))
    lines = done.stdout.decode(errors="replace").splitlines()
    found = [one for one in map(read_line, lines) if one is not None]
    if not found:
        raise Unavailable("Unable to receive remote host keys", hint=f"does {hostname} answer with ssh?")
    written = hashed(name) if hide else name
    return [KnownHost(hostname=written, kind=one.kind, digits=one.digits) for one in found]


def known_key(digits: str, enc: str | None) -> Key:
    """Return a host's key as it is written. Raises BadArgument, Conflict when it is of another kind."""
    found = key(digits)
    if enc and found.kind not in (enc, f"ssh-{enc}"):
        raise Conflict(f"the key is a {found.kind}, not a {enc}")
    return found


def is_account(host: Host, user: str) -> bool:
    """Tell whether there is such an account."""
    try:
        host.user(user)
    except NotFound:
        return False
    return True


def existing(host: Host, user: str) -> None:
    """Raise NotFound unless there is such an account."""
    if not is_account(host, user):
        raise NotFound(f"User {user!r} does not exist", hint="make it before: user.present")


def _plain(enc: str) -> str:
    """Return a kind of key as ``ssh-keyscan`` names it."""
    return "ecdsa" if enc.startswith("ecdsa") else enc.removeprefix("ssh-")
