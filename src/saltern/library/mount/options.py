"""Options of mounts: which of the wanted ones does a mounted file system not have?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from saltern.library.mount.kernel import Mounted
from saltern.sdk import Host, NotFound

#: Options that mount(8), the helpers and the start of the host deal with, and no kernel shows.
_NAMES = (
    "defaults auto noauto user users nouser owner group nofail bootwait nobootwait _netdev loop bind "
    "rbind intr nointr bg fg soft hard password reconnect delay_connect direct-io-mode nonempty "
    "transform_symlinks comment fsck silent loud async remount"
)
INVISIBLE = frozenset(_NAMES.split())
#: Names before ``=`` that none shows either, or not as given.
_KEYS = (
    "actimeo comment credentials direct-io-mode password pass passwd port retry secretfile secret offset "
    "sizelimit helper uhelper context backup-volfile-servers"
)
INVISIBLE_KEYS = frozenset(_KEYS.split())
#: Values that nobody but the mount itself shall see.
SECRET = frozenset({"password", "pass", "passwd", "password2", "secret"})
#: What a kind of file system is told and doesn't tell.
_UNTOLD: Mapping[str, frozenset[str]] = {"ramfs": frozenset({"size"})}
#: What holds unless its opposite is shown.
_UNLESS = {
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "atime": "noatime",
    "diratime": "nodiratime",
    "rw": "ro",
    "nolazytime": "lazytime",
    "nosync": "sync",
    "nodirsync": "dirsync",
    "norelatime": "relatime",
    "strictatime": "relatime",
    "nostrictatime": "",
    "noiversion": "iversion",
    "nomand": "mand",
}
#: What tmpfs doesn't show for being what it is anyway.
_TMPFS = frozenset({"uid=0", "gid=0", "mode=1777"})
_SIZE = re.compile(r"(\d+)([kKmMgG]?)")
_FACTORS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class Extra(msgspec.Struct, frozen=True, kw_only=True):
    """What a state says of its options besides."""

    invisible: Sequence[str] = ()
    invisible_keys: Sequence[str] = ()
    ignored_keys: Mapping[str, Sequence[str]] = {}
    translated: Mapping[str, str] = {}


def split(opts: str | Sequence[str] | None) -> list[str]:
    """Return options written as a list, or in one text with commas between; those in quotes stay whole."""
    if opts is None:
        return []
    words = re.findall(r'(?:[^,"]|"[^"]*")+', opts) if isinstance(opts, str) else opts
    return [word.strip() for word in words if word.strip()]


def missing(
    host: Host, wanted: Sequence[str], found: Mounted, given: Sequence[str], extra: Extra
) -> list[str]:
    """Return the wanted options that a mounted file system hasn't.

    ``given`` are those it was mounted with: what of them is neither shown nor denied is taken to hold.
    """
    shown = {_plain(host, one) for one in (*found.options, *found.super_options)}
    looked = [one for one in wanted if not _is_invisible(one, found.kind, extra)]
    lacking = [one for one in looked if not _holds(_plain(host, _shown_as(one, extra)), shown, found.kind)]
    return [one for one in lacking if one not in given or _is_denied(_plain(host, one), shown)]


def _shown_as(option: str, extra: Extra) -> str:
    return extra.translated.get(option, option)


def _is_invisible(option: str, kind: str, extra: Extra) -> bool:
    key, sign, value = option.partition("=")
    if option in INVISIBLE or option in extra.invisible or option.startswith(("x-", "X-", "comment=")):
        return True
    untold = {*_UNTOLD.get(kind, ()), *extra.ignored_keys.get(kind, ())}
    return bool(sign) and (
        key in INVISIBLE_KEYS or key in extra.invisible_keys or key in untold or value.endswith("%")
    )


def _holds(option: str, shown: set[str], kind: str) -> bool:
    if option in shown or (kind == "tmpfs" and option in _TMPFS and not _is_denied(option, shown)):
        return True
    key, sign, value = option.partition("=")
    if not sign:
        return option in _UNLESS and _UNLESS[option] not in shown
    if key in ("vers", "nfsvers"):  # vers=4 is shown as vers=4.2
        return any(one == f"vers={value}" or one.startswith(f"vers={value}.") for one in shown)
    return any(one.startswith(f"{option}:") for one in shown)  # compress=zstd is shown as compress=zstd:3


def _is_denied(option: str, shown: set[str]) -> bool:
    """Tell whether something is shown that contradicts an option."""
    key, sign, _ = option.partition("=")
    if sign:
        return any(one.startswith(f"{key}=") and one != option for one in shown)
    return f"no{option}" in shown or (option.startswith("no") and option.removeprefix("no") in shown)


def _plain(host: Host, option: str) -> str:
    """Return an option in one of the ways it can be written: numbers for names, bytes for sizes."""
    key, sign, value = option.partition("=")
    value = value.strip('"')
    if key == "size" and (met := _SIZE.fullmatch(value)):
        return f"size={int(met[1]) * _FACTORS[met[2].lower()]}"
    if key in ("mode", "umask", "fmask", "dmask") and re.fullmatch("[0-7]+", value):
        return f"{key}={int(value, 8):o}"
    if key in ("uid", "gid") and not value.isdigit():
        return f"{key}={_number(host, key, value)}"
    return f"{key}{sign}{value}"


def _number(host: Host, key: str, name: str) -> str:
    try:
        return str(host.user(name).uid if key == "uid" else host.group(name).gid)
    except NotFound:
        return name
