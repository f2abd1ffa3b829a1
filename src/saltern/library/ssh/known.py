"""The text of ``known_hosts``: whom one believes. Nothing in here touches a host."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from saltern.library.ssh.authorized import fingerprint, kind_of
from saltern.sdk import BadArgument


class KnownHost(msgspec.Struct, frozen=True, kw_only=True):
    """A line: a host's name as written, and its public key."""

    hostname: str
    kind: str
    digits: str

    def shown(self, method: str = "sha256") -> dict[str, str]:
        """Return it as people see it."""
        print_ = fingerprint(self.digits, method)
        return {"hostname": self.hostname, "key": self.digits, "enc": self.kind, "fingerprint": print_}

    def line(self) -> str:
        """Return it as it stands in the file."""
        return f"{self.hostname} {self.kind} {self.digits}"


def host_name(name: str, port: int | None = None) -> str:
    """Return how a host is named in the file. Raises BadArgument for what is no name."""
    if (
        not name
        or name.startswith(("-", "#", "@", "|"))
        or any(sign.isspace() or sign in ",\0" for sign in name)
    ):
        raise BadArgument(f"{name!r} is no name of a host")
    return name if port in (None, 22) else f"[{name}]:{port}"


def read_line(line: str) -> KnownHost | None:
    """Return the host in a line; None for comments, marked lines, and what is no key."""
    words = line.split()
    if len(words) < 3 or words[0][:1] in "#@" or kind_of(words[2]) != words[1]:
        return None
    return KnownHost(hostname=words[0], kind=words[1], digits=words[2])


def entries(text: str, name: str) -> list[KnownHost]:
    """Return what is known of a host, under its name or what hides it."""
    found = (read_line(line) for line in text.splitlines())
    return [one for one in found if one is not None and is_meant(one.hostname, name)]


def is_meant(written: str, name: str) -> bool:
    """Tell whether a name as written, hashed or a list of patterns, is that of a host."""
    if written.startswith("|1|"):
        return _is_hash_of(written, name)
    patterns = written.split(",")
    refused = any(fnmatchcase(name, one[1:]) for one in patterns if one.startswith("!"))
    return not refused and any(fnmatchcase(name, one.replace("[", "[[]")) for one in patterns)


def hashed(name: str) -> str:
    """Return a name so that who reads the file can't tell which it is."""
    salt = secrets.token_bytes(20)
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(_digest(salt, name)).decode()}"


def without(text: str, name: str, kinds: Sequence[str] | None = None) -> str:
    """Return the text without what is known of a host; ``kinds`` takes out only its keys of those kinds."""

    def goes(line: str) -> bool:
        found = read_line(line)
        return found is not None and is_meant(found.hostname, name) and (kinds is None or found.kind in kinds)

    return "".join(f"{line}\n" for line in text.splitlines() if not goes(line))


def with_all_hashed(text: str) -> str:
    """Return the text with every name hashed, a line for each; patterns can't be and stay."""
    lines: list[str] = []
    for line in text.splitlines():
        found = read_line(line)
        if found is None or found.hostname.startswith("|") or any(sign in found.hostname for sign in "*?!"):
            lines.append(line)
            continue
        lines += [f"{hashed(one)} {found.kind} {found.digits}" for one in found.hostname.split(",")]
    return "".join(f"{line}\n" for line in lines)


def _is_hash_of(written: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in written.split("|")[2:4])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(_digest(salt, name), digest)


def _digest(salt: bytes, name: str) -> bytes:
    return hmac.new(salt, name.encode(), hashlib.sha1).digest()
