"""Mounting and unmounting, and swap space in use or not."""

from __future__ import annotations

from collections.abc import Sequence

from saltern.library.mount import kernel, memory
from saltern.library.mount.options import SECRET
from saltern.sdk import BadArgument, Command, CommandFailed, Host, NotFound
from saltern.sdk.host import PLAIN_LOCALE

#: Seconds to wait for a device, or for a server that may never answer.
PATIENCE = 300.0
_WINDOWS = ("cifs", "smb3", "smbfs")


def attach(
    host: Host,
    directory: str,
    device: str | bool,
    kind: str,
    options: Sequence[str],
    mkmnt: bool = False,
    user: str | None = None,
) -> None:
    """Mount a device. Raises NotFound without the directory, CommandFailed."""
    if not host.exists(directory):
        if not mkmnt:
            raise NotFound(f"Mount directory {directory} is not present", hint="mkmnt: true makes it")
        host.make_directory(directory)
    if not device:
        _run(host, ["mount", "--", directory], {}, user)
        return
    _run(host, *_words(str(device), directory, kind, options), user)
    memory.remember(host, directory, str(device), kind, list(options), mkmnt)


def reattach(
    host: Host, directory: str, device: str, kind: str, options: Sequence[str], user: str | None = None
) -> None:
    """Mount it with other options: in place, or anew where that kind can't. Raises CommandFailed."""
    if needs_unmounting(kind):
        detach(host, directory, user)
        attach(host, directory, device, kind, options, user=user)
        return
    _run(host, *_words(device, directory, kind, ["remount", *options]), user)
    memory.remember(host, directory, device, kind, list(options), mkmnt=False)


def needs_unmounting(kind: str) -> bool:
    """Tell whether a kind of file system takes other options only when it is mounted anew."""
    return kind.startswith(("nfs", "fuse", "cvfs")) or kind in _WINDOWS


def detach(host: Host, directory: str, user: str | None = None, lazy: bool = False) -> None:
    """Unmount it. Raises CommandFailed, as for one that is in use."""
    _run(host, ["umount", *(["-l"] if lazy else []), "--", directory], {}, user)
    memory.forget(host, directory)


def swap_table(host: Host) -> dict[str, dict[str, str]]:
    """Return the swap space in use by device or file: ``{type, size, used, priority}``, in KiB."""
    rows = (line.split() for line in host.text("/proc/swaps", "").splitlines()[1:])
    names = ("type", "size", "used", "priority")
    return {words[0].replace("\\040", " "): dict(zip(names, words[1:5], strict=True)) for words in rows}


def swap_on(host: Host, name: str, priority: int | None = None) -> bool:
    """Use it as swap space; tell whether that is new. Raises CommandFailed."""
    _checked(name)
    if kernel.device(host, name) in swap_table(host):
        return False
    host.run("swapon", *(["-p", str(priority)] if priority is not None else []), "--", name, timeout=PATIENCE)
    return True


def swap_off(host: Host, name: str) -> None:
    """Use it no longer. Raises CommandFailed, as when memory is too small for what it holds."""
    host.run("swapoff", "--", _checked(name), timeout=PATIENCE)


def _words(
    device: str, directory: str, kind: str, options: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Return mount's words and environment: a password of a Windows share is told through that alone."""
    _checked(device)
    secret = {}
    if kind in _WINDOWS:
        told = [one.partition("=")[2] for one in options if one.partition("=")[0] in SECRET]
        secret = {"PASSWD": told[-1]} if told else {}
        options = [one for one in options if one.partition("=")[0] not in SECRET]
    chosen = ["-o", ",".join(options)] if options else []
    of_kind = ["-t", kind] if kind else []
    return ["mount", *of_kind, *chosen, "--", device, directory], secret


def _run(host: Host, argv: Sequence[str], environment: dict[str, str], user: str | None) -> None:
    if any("\n" in word or "\0" in word for word in argv):
        raise BadArgument("a line's end can't be in a mount's names or options")
    command = Command(argv=tuple(argv), env={**PLAIN_LOCALE, **environment}, timeout=PATIENCE, user=user)
    done = host.execute(command)
    if done.retcode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        late = f"did not end within {PATIENCE:g} s"
        raise CommandFailed(f"{argv[0]} {argv[-1]}: {late if done.timed_out else said}", retcode=done.retcode)


def _checked(name: str) -> str:
    if not name or "\n" in name or "\0" in name:
        raise BadArgument(f"{name!r} is no device")
    return name
