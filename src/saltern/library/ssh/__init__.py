"""Keys for ssh: who may come in, and which hosts one believes.

Files in an account's home are read and written as that account, so nothing it puts there leads elsewhere.
"""

from __future__ import annotations

import posixpath
from typing import Any

from saltern.library.ssh import files
from saltern.library.ssh.authorized import Key, keys
from saltern.library.ssh.authorized import fingerprint as print_of
from saltern.library.ssh.authorized import key as written_key
from saltern.library.ssh.known import KnownHost, hashed, host_name, with_all_hashed
from saltern.library.ssh.known import without as without_host
from saltern.sdk import BadArgument, Conflict, Host, NotFound

Accounts = str | list[str]


def auth_keys(
    host: Host, user: Accounts, config: str = files.AUTHORIZED, fingerprint_hash_type: str = "sha256"
) -> dict[str, Any]:
    """Return the keys that may come in to an account: ``{digits: {enc, comment, options, fingerprint}}``.

    Of several accounts, that of each.

    Example:
        saltern run web1 ssh.auth_keys root
    """
    if isinstance(user, list):
        return {one: auth_keys(host, one, config, fingerprint_hash_type) for one in user}
    found = keys(files.text(host, user, config))
    return {one.digits: _shown(one, fingerprint_hash_type) for one in found}


def check_key(
    host: Host,
    user: str,
    key: str,
    enc: str = "",
    comment: str = "",
    options: list[str] | None = None,
    config: str = files.AUTHORIZED,
) -> str:
    """Tell what would become of a key: ``add``, ``update``, or ``exists``.

    ``enc`` is accepted as Salt has it; a key says itself what kind it is.

    Example:
        saltern run web1 ssh.check_key root AAAAC3NzaC1lZDI1NTE5AAAA… comment=ann
    """
    wanted = written_key(key, comment, options or ())
    found = [one for one in keys(files.text(host, user, config)) if one.digits == wanted.digits]
    return "add" if not found else "exists" if found == [wanted] else "update"


def check_key_file(host: Host, user: str, source: str, config: str = files.AUTHORIZED) -> dict[str, str]:
    """Tell of each key in a file what would become of it; as ``ssh.check_key``.

    Example:
        saltern run web1 ssh.check_key_file root salt://keys/ann.pub
    """
    return {
        one.digits: check_key(host, user, one.digits, "", one.comment, list(one.options), config)
        for one in files.keys_in(host, source)
    }


def set_auth_key(
    host: Host,
    user: str,
    key: str,
    enc: str = "",
    comment: str = "",
    options: list[str] | None = None,
    config: str = files.AUTHORIZED,
) -> str:
    """Let a key come in to an account; return ``new``, ``replace`` or ``no change``.

    Example:
        saltern run web1 ssh.set_auth_key root AAAAC3NzaC1lZDI1NTE5AAAA… comment=ann
    """
    became = files.settle(host, user, config, [written_key(key, comment, options or ())])
    return _BECAME[next(iter(became.values()), "")]


def set_auth_key_from_file(host: Host, user: str, source: str, config: str = files.AUTHORIZED) -> str:
    """Let all keys in a file come in to an account; return ``new``, ``replace`` or ``no change``.

    Example:
        saltern run web1 ssh.set_auth_key_from_file root salt://keys/ann.pub
    """
    wanted = files.keys_in(host, source)
    if not wanted:
        raise NotFound(f"{source}: there is no key in it")
    became = set(files.settle(host, user, config, wanted).values())
    return _BECAME["New" if "New" in became else next(iter(became), "")]


def rm_auth_key(host: Host, user: str, key: str, config: str = files.AUTHORIZED) -> str:
    """Keep a key out of an account; return ``Key removed`` or ``Key not present``.

    Example:
        saltern run web1 ssh.rm_auth_key root AAAAC3NzaC1lZDI1NTE5AAAA…
    """
    gone = files.take_out(host, user, config, [written_key(key).digits])
    return "Key removed" if gone else "Key not present"


def rm_auth_key_from_file(host: Host, user: str, source: str, config: str = files.AUTHORIZED) -> str:
    """Keep all keys in a file out of an account; return ``Key removed`` or ``Key not present``.

    Example:
        saltern run web1 ssh.rm_auth_key_from_file root salt://keys/ann.pub
    """
    gone = files.take_out(host, user, config, [one.digits for one in files.keys_in(host, source)])
    return "Key removed" if gone else "Key not present"


def host_keys(
    host: Host, keydir: str = "/etc/ssh", private: bool = False, certs: bool = True
) -> dict[str, str]:
    """Return the host's own keys by their kind: ``{ed25519.pub: …}``; ``private`` returns the secrets too.

    Example:
        saltern run web1 ssh.host_keys
    """
    found = {}
    for name in host.list_directory(keydir):
        kind = name.removeprefix("ssh_host_").replace("_key", "")
        is_public, is_certificate = kind.endswith(".pub"), kind.endswith("-cert.pub")
        wanted = certs if is_certificate else is_public or private
        if name.startswith("ssh_host_") and "_key" in name and wanted:
            found[kind] = host.text(f"{keydir}/{name}").strip()
    return found


def user_keys(
    host: Host, user: Accounts | None = None, pubfile: str | None = None, prvfile: str | bool | None = None
) -> dict[str, dict[str, str]]:
    """Return accounts' own keys: ``{account: {file: key}}``; those of all accounts without ``user``.

    Secret ones are returned only when ``prvfile`` names the file.

    Example:
        saltern run web1 ssh.user_keys ann
    """
    from saltern.library import _accounts

    names = [one.name for one in _accounts.accounts(host)] if user is None else _accounts.names(user)
    wanted = [pubfile] if pubfile else [f"id_{kind}.pub" for kind in ("rsa", "ecdsa", "ed25519", "dsa")]
    wanted += [prvfile] if isinstance(prvfile, str) else []
    found: dict[str, dict[str, str]] = {}
    for name in names:
        for one in wanted:
            text = files.text(host, name, one if "/" in one else f".ssh/{one}").strip()
            if text:
                found.setdefault(name, {})[posixpath.basename(one)] = text
    return found


def key_is_encrypted(host: Host, key: str) -> bool:
    """Tell whether a private key, in a file or as text, needs a passphrase.

    Example:
        saltern run web1 ssh.key_is_encrypted /root/.ssh/id_ed25519
    """
    text = key if key.startswith("-----BEGIN") else host.text(key)
    lines = text.strip().splitlines()
    if not lines or "PRIVATE KEY" not in lines[0]:
        raise BadArgument("that is no private key")
    if "OPENSSH" not in lines[0]:
        return any("ENCRYPTED" in line for line in lines[:2])
    import base64

    data = base64.b64decode("".join(lines[1:-1]))
    magic = b"openssh-key-v1\0"
    length = int.from_bytes(data[len(magic) : len(magic) + 4], "big")
    return data[len(magic) + 4 : len(magic) + 4 + length] != b"none"


def get_known_host_entries(
    host: Host,
    user: str | None,
    hostname: str,
    config: str | None = None,
    port: int | None = None,
    fingerprint_hash_type: str = "sha256",
) -> list[dict[str, str]]:
    """Return what an account knows of a host: ``[{hostname, enc, key, fingerprint}]``.

    Example:
        saltern run web1 ssh.get_known_host_entries root git.example.com
    """
    found = files.known(host, user, hostname, config, port)
    return [one.shown(fingerprint_hash_type) for one in found]


def recv_known_host_entries(
    host: Host,
    hostname: str,
    enc: str | None = None,
    port: int | None = None,
    hash_known_hosts: bool = True,
    timeout: int = 5,
    fingerprint_hash_type: str = "sha256",
) -> list[dict[str, str]]:
    """Ask a host for its keys and return them; that it is the right one is for the caller to know.

    Example:
        saltern run web1 ssh.recv_known_host_entries git.example.com enc=ssh-ed25519
    """
    found = files.received(host, hostname, enc, port, timeout, hash_known_hosts)
    return [one.shown(fingerprint_hash_type) for one in found]


def check_known_host(
    host: Host,
    user: str | None,
    hostname: str,
    key: str | None = None,
    fingerprint: str | None = None,
    config: str | None = None,
    port: int | None = None,
    fingerprint_hash_type: str = "sha256",
) -> str:
    """Tell what would become of a host's key: ``add``, ``update``, or ``exists``.

    Example:
        saltern run web1 ssh.check_known_host root git.example.com
    """
    found = files.known(host, user, hostname, config, port)
    if not found:
        return "add"
    if key is not None:
        return "exists" if key in [one.digits for one in found] else "update"
    if fingerprint is None:
        return "exists"
    prints = [one.shown(fingerprint_hash_type)["fingerprint"] for one in found]
    return "exists" if fingerprint in prints else "update"


def set_known_host(
    host: Host,
    user: str | None,
    hostname: str,
    fingerprint: str | None = None,
    key: str | None = None,
    port: int | None = None,
    enc: str | None = None,
    config: str | None = None,
    hash_known_hosts: bool = True,
    timeout: int = 5,
    fingerprint_hash_type: str = "sha256",
) -> dict[str, Any]:
    """Have an account know a host: by its key, or by asking it for one with the ``fingerprint``.

    Return ``{status: exists, keys}`` or ``{status: updated, old, new}``. Raises Unavailable when the host
    does not answer, Conflict when its keys have another fingerprint.

    Example:
        saltern run web1 ssh.set_known_host root git.example.com enc=ssh-ed25519
    """
    before = files.known(host, user, hostname, config, port)
    if key is not None:
        made = files.known_key(key, enc)
        name = host_name(hostname, port)
        name = hashed(name) if hash_known_hosts else name
        new = [KnownHost(hostname=name, kind=made.kind, digits=made.digits)]
    else:
        new = files.received(host, hostname, enc, port, timeout, hash_known_hosts)
    if fingerprint is not None:
        new = [one for one in new if one.shown(fingerprint_hash_type)["fingerprint"] == fingerprint]
        if not new:
            raise Conflict(
                "Remote host public keys found but none of their fingerprints match the one you have provided"
            )
    have, want = {one.digits for one in before}, {one.digits for one in new}
    if want <= have:
        return {"status": "exists", "keys": sorted(have)}
    place = files.place_of_known(user, config)
    left = without_host(files.text(host, user, place), host_name(hostname, port), [one.kind for one in new])
    files.put(host, user, place, left + "".join(f"{one.line()}\n" for one in new))
    old = [one.shown(fingerprint_hash_type) for one in before]
    return {"status": "updated", "old": old or None, "new": [one.shown(fingerprint_hash_type) for one in new]}


def rm_known_host(
    host: Host, user: str | None, hostname: str, config: str | None = None, port: int | None = None
) -> dict[str, str]:
    """Have an account forget a host; return ``{status, comment}``.

    Example:
        saltern run web1 ssh.rm_known_host root git.example.com
    """
    place = files.place_of_known(user, config)
    before = files.text(host, user, place)
    after = without_host(before, host_name(hostname, port))
    if after == before:
        return {"status": "removed", "comment": f"Host {hostname} not found in {place}"}
    files.put(host, user, place, after)
    return {"status": "removed", "comment": f"{place} updated."}


def hash_known_hosts(host: Host, user: str | None = None, config: str | None = None) -> dict[str, str]:
    """Hide the names of the hosts that an account knows; return ``{status, comment}``.

    Example:
        saltern run web1 ssh.hash_known_hosts ann
    """
    place = files.place_of_known(user, config)
    before = files.text(host, user, place)
    if not before:
        return {"status": "error", "error": f"Known hosts file {place} does not exist"}
    files.put(host, user, place, with_all_hashed(before))
    return {"status": "updated", "comment": f"{place} updated."}


_BECAME = {"New": "new", "Updated": "replace", "": "no change"}


def _shown(key: Key, method: str) -> dict[str, Any]:
    return {
        "enc": key.kind,
        "comment": key.comment,
        "options": list(key.options),
        "fingerprint": print_of(key.digits, method),
    }
