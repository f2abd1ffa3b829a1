"""Modules of the kernel: loaded now, and at each boot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from saltern.sdk import BadArgument, Changes, Host, Moment, NotSupported, State

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+.-]*")
#: Where systemd reads which modules to load; the file of others.
DIRECTORY, FILE, PLAIN = "/etc/modules-load.d", "saltern.conf", "/etc/modules"


def unavailable(host: Host) -> str:
    """Only Linux has modules that are loaded like this."""
    return "" if host.uname().system == "Linux" else "only Linux loads modules with modprobe"


def lsmod(host: Host) -> list[dict[str, Any]]:
    """Return the modules that are loaded: ``{module, size, depcount, deps}``, ``deps`` are those that use it.

    Example:
        saltern run '*' kmod.lsmod
    """
    lines = (line.split() for line in host.text("/proc/modules", "").splitlines())
    return [
        {
            "module": words[0],
            "size": words[1],
            "depcount": words[2],
            "deps": [one for one in words[3].strip("-").split(",") if one],
        }
        for words in lines
        if len(words) > 3
    ]


def available(host: Host) -> list[str]:
    """Return the modules that the running kernel could load or has in it.

    Example:
        saltern run '*' kmod.available
    """
    return sorted(_listed(host, "modules.dep") | _listed(host, "modules.builtin"))


def check_available(host: Host, mod: str) -> bool:
    """Tell whether the running kernel has a module, loaded or not.

    Example:
        saltern run '*' kmod.check_available br_netfilter
    """
    return _known(mod) in {_known(one) for one in available(host)}


def is_loaded(host: Host, mod: str) -> bool:
    """Tell whether a module is in use: loaded, or a part of the kernel itself.

    Example:
        saltern run '*' kmod.is_loaded br_netfilter
    """
    return _known(mod) in _in_use(host)


def mod_list(host: Host, only_persist: bool = False) -> list[str]:
    """Return the modules that are loaded, or only those that are loaded at boot.

    Example:
        saltern run '*' kmod.mod_list only_persist=True
    """
    return sorted(_kept(host) if only_persist else {one["module"] for one in lsmod(host)})


def load(host: Host, mod: str, persist: bool = False) -> list[str]:
    """Load a module with those it needs; return those that came. Raises CommandFailed.

    ``persist`` loads it at each boot too.

    Example:
        saltern run '*' kmod.load br_netfilter persist=True
    """
    before = {one["module"] for one in lsmod(host)}
    host.run("modprobe", "--", _checked(mod))
    came = {one["module"] for one in lsmod(host)} - before
    if persist and mod not in _kept(host):
        _keep(host, mod)
        came.add(mod)
    return sorted(came)


def remove(host: Host, mod: str, persist: bool = False, comment: bool = True) -> list[str]:
    """Unload a module with those that only it needed; return those that went. Raises CommandFailed.

    ``persist`` no longer loads it at boot: its line becomes a comment, or goes with ``comment=False``.

    Example:
        saltern run '*' kmod.remove br_netfilter
    """
    before = {one["module"] for one in lsmod(host)}
    host.run("modprobe", "-r", "--", _checked(mod))
    went = before - {one["module"] for one in lsmod(host)}
    if persist and mod in _kept(host):
        _forget(host, mod, comment)
        went.add(mod)
    return sorted(went)


class _Modules(State, frozen=True, kw_only=True):
    """What both states share: the modules, one or many."""

    persist: bool = False
    mods: list[str] | None = None

    def wanted(self) -> list[str]:
        """Return the modules it is about."""
        return [_checked(one) for one in self.mods or [self.name]]

    def sentence(self, names: Iterable[str], rest: str, before: str = "") -> str:
        """Return Salt's words about some modules."""
        listed = list(names)
        many = self.mods is not None
        head = f"{before} kernel module" if before else "Kernel module"
        verb = "" if before else (" are " if many else " is ")
        return f"{head}{'s' if many else ''} {', '.join(listed)}{verb}{rest}"


class Present(_Modules, frozen=True, kw_only=True):
    """Keep kernel modules loaded: ``name``, or all of ``mods``; with ``persist`` also at each boot.

    Example:
        - kmod.present: {name: kubernetes needs, mods: [overlay, br_netfilter], persist: true}
    """

    def check(self, host: Host) -> Changes:
        """Return ``{module: loaded}`` for what isn't loaded, or not at boot."""
        running, later = _in_use(host), _kept(host)
        load_ = [one for one in self.wanted() if _known(one) not in running]
        keep = [one for one in self.wanted() if self.persist and one not in later]
        return Changes(dict.fromkeys([*load_, *keep], "loaded"), mend=(load_, keep))

    def apply(self, host: Host, changes: Changes) -> None:
        """Load them. Raises CommandFailed."""
        to_load, keep = changes.mend
        for one in to_load:
            host.run("modprobe", "--", one)
        for one in keep:
            _keep(host, one)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: self.sentence(self.wanted(), "already present"),
            Moment.WOULD: self.sentence(changes, "set to be loaded"),
            Moment.DONE: self.sentence(changes, "", "Loaded"),
        }[moment]


class Absent(_Modules, frozen=True, kw_only=True):
    """Keep kernel modules unloaded; with ``persist`` also at boot.

    Their lines become comments, or go with ``comment: false``. That of a module that is part of the kernel
    itself can't be.

    Example:
        - kmod.absent: {name: pcspkr, persist: true}
    """

    comment: bool = True

    def check(self, host: Host) -> Changes:
        """Return ``{module: removed}`` for what is loaded, or is at boot. Raises NotSupported."""
        loaded, later = {_known(one["module"]) for one in lsmod(host)}, _kept(host)
        own = {_known(one) for one in _listed(host, "modules.builtin")}
        for one in self.wanted():
            if _known(one) in own:
                raise NotSupported(f"Kernel module {one} is a part of the kernel, it can't be unloaded")
        unload = [one for one in self.wanted() if _known(one) in loaded]
        forget = [one for one in self.wanted() if self.persist and one in later]
        return Changes(dict.fromkeys([*unload, *forget], "removed"), mend=(unload, forget))

    def apply(self, host: Host, changes: Changes) -> None:
        """Unload them. Raises CommandFailed, as for one that is in use."""
        unload, forget = changes.mend
        for one in unload:
            host.run("modprobe", "-r", "--", one)
        for one in forget:
            _forget(host, one, self.comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: self.sentence(self.wanted(), "already removed"),
            Moment.WOULD: self.sentence(changes, "set to be removed"),
            Moment.DONE: self.sentence(changes, "", "Removed"),
        }[moment]


def _checked(mod: str) -> str:
    if not _NAME.fullmatch(mod):
        raise BadArgument(f"{mod!r} is no name of a kernel module")
    return mod


def _known(mod: str) -> str:
    """Return a name as the kernel has it: it knows no dashes."""
    return mod.replace("-", "_")


def _in_use(host: Host) -> set[str]:
    own = {_known(one) for one in _listed(host, "modules.builtin")}
    return own | {_known(one["module"]) for one in lsmod(host)}


def _listed(host: Host, name: str) -> set[str]:
    """Return the modules in a list that belongs to the running kernel."""
    text = host.text(f"/lib/modules/{host.uname().release}/{name}", "")
    paths = (line.partition(":")[0] for line in text.splitlines())
    return {path.rpartition("/")[2].partition(".ko")[0] for path in paths if ".ko" in path}


def _file(host: Host) -> str:
    return f"{DIRECTORY}/{FILE}" if host.exists(DIRECTORY) else PLAIN


def _kept(host: Host) -> set[str]:
    lines = (line.split() for line in host.text(_file(host), "").splitlines())
    return {words[0] for words in lines if words and not words[0].startswith(("#", ";"))}


def _keep(host: Host, mod: str) -> None:
    """Add its line; one that had become a comment is used again."""
    path = _file(host)
    lines = host.text(path, "").splitlines()
    left = [line for line in lines if line.lstrip("# ").strip() != mod]
    host.write(path, "\n".join([*left, mod, ""]).encode())


def _forget(host: Host, mod: str, comment: bool) -> None:
    path = _file(host)
    left = []
    for line in host.text(path, "").splitlines():
        if line.split()[:1] != [mod]:
            left.append(line)
        elif comment:
            left.append(f"# {line}")
    host.write(path, "".join(f"{line}\n" for line in left).encode())
