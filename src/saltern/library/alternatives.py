"""Alternatives: which of several programs a common name stands for."""

from __future__ import annotations

import posixpath
import re

import msgspec

from saltern.sdk import BadArgument, Changes, Command, Done, Host, Moment, NotFound, State
from saltern.sdk.host import PLAIN_LOCALE

ALIASES = {"set_": "set_"}
STATE_ALIASES = {"set_": "Set"}

_PROGRAMS = ("update-alternatives", "alternatives")
_LINKS = "/etc/alternatives"
#: Where the system keeps what it knows of them: Debian and SUSE, then Red Hat.
_RECORDS = ("/var/lib/dpkg/alternatives", "/var/lib/alternatives")
_CHOICE = re.compile(r"^(/.*?) - (?:family \S+ )?priority (-?\d+)", re.MULTILINE)


def unavailable(host: Host) -> str:
    """Return why there are no alternatives here."""
    return "" if any(map(host.which, _PROGRAMS)) else "the program update-alternatives is not on this host"


class Known(msgspec.Struct, frozen=True):
    """What the system knows of a name: paths with their priorities, and whether it chooses itself."""

    choices: dict[str, int] = {}
    automatic: bool = False


def _known(host: Host, name: str) -> Known:
    text = display(host, name)
    choices = {path: int(priority) for path, priority in _CHOICE.findall(text)}
    return Known(choices, re.search(r"(status is auto|auto mode)", text) is not None)


def _run(host: Host, *words: str) -> str:
    return host.run(_program(host), *words).strip()


def _program(host: Host) -> str:
    return next((one for one in _PROGRAMS if host.which(one)), _PROGRAMS[0])


def _name(name: str) -> str:
    if not name or name.startswith(("-", ".")) or "/" in name or not name.isprintable() or " " in name:
        raise BadArgument(f"{name!r} is no name of an alternative", hint="it is one such as editor")
    return name


def _path(path: str, what: str = "path") -> str:
    if not path.startswith("/") or not path.isprintable():
        raise BadArgument(f"{what} = {path!r} is not an absolute path")
    return path


def display(host: Host, name: str) -> str:
    """Return what the system says of a name; nothing when it knows none.

    Example:
        saltern run '*' alternatives.display editor
    """
    done = host.execute(Command(argv=(_program(host), "--display", _name(name)), env=PLAIN_LOCALE))
    return "" if done.retcode else done.stdout.decode(errors="replace").strip()


def show_link(host: Host, name: str) -> str | bool:
    """Return the path that stands for a name, such as ``/usr/bin/editor``; false when there is none.

    Example:
        saltern run '*' alternatives.show_link editor
    """
    for folder in _RECORDS:
        lines = host.text(posixpath.join(folder, _name(name)), "").splitlines()
        if len(lines) > 1:
            return lines[1]
    return False


def show_current(host: Host, name: str) -> str | bool:
    """Return the path that is chosen; false when there is none.

    Example:
        saltern run '*' alternatives.show_current editor
    """
    there = host.stat(posixpath.join(_LINKS, _name(name)), follow=False)
    return there.target if there is not None and there.kind == "link" else False


def check_exists(host: Host, name: str, path: str) -> bool:
    """Tell whether a path is one to choose from.

    Example:
        saltern run '*' alternatives.check_exists editor /usr/bin/vim.basic
    """
    return path in _known(host, name).choices


def check_installed(host: Host, name: str, path: str) -> bool:
    """Tell whether a path is the one that is chosen.

    Example:
        saltern run '*' alternatives.check_installed editor /usr/bin/vim.basic
    """
    return show_current(host, name) == path


def install(host: Host, name: str, link: str, path: str, priority: int) -> str:
    """Add a path to choose from, and return what the system says.

    Example:
        saltern run '*' alternatives.install editor /usr/bin/editor /usr/bin/vim.basic 50
    """
    return _run(host, "--install", _path(link, "link"), _name(name), _path(path), str(priority))


def remove(host: Host, name: str, path: str) -> str:
    """Take a path from those to choose from, and return what the system says.

    Example:
        saltern run '*' alternatives.remove editor /usr/bin/vim.basic
    """
    return _run(host, "--remove", _name(name), _path(path))


def auto(host: Host, name: str) -> str:
    """Have the system choose, by priority, and return what it says.

    Example:
        saltern run '*' alternatives.auto editor
    """
    return _run(host, "--auto", _name(name))


def set_(host: Host, name: str, path: str) -> str:
    """Choose a path, and return what the system says.

    Example:
        saltern run '*' alternatives.set editor /usr/bin/vim.basic
    """
    return _run(host, "--set", _name(name), _path(path))


class Install(State, frozen=True, kw_only=True):
    """Have a path be one to choose from for a name, with a priority; ``link`` is what stands for the name.

    Example:
        - alternatives.install: {name: editor, link: /usr/bin/editor, path: /usr/bin/vim.basic, priority: 50}
    """

    link: str
    path: str
    priority: int

    def check(self, host: Host) -> Changes:
        """Return ``{name, link, path, priority}``."""
        _path(self.link, "link")
        if _known(host, self.name).choices.get(_path(self.path)) == self.priority:
            return Changes()
        shown = {"name": self.name, "link": self.link, "path": self.path, "priority": self.priority}
        return Changes(shown)

    def apply(self, host: Host, changes: Changes) -> None:
        """Add it. Raises NotFound when nothing lies at the path."""
        if not host.exists(self.path):
            raise NotFound(f"{self.path} is not there", hint="install the package that has it first: require")
        install(host, self.name, self.link, self.path, self.priority)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        at = f"{self.path} with priority {self.priority}"
        return {
            Moment.CORRECT: f"Alternative {self.path} for {self.name} is already registered",
            Moment.WOULD: f"Alternative will be set for {self.name} to {at}",
            Moment.DONE: f"Alternative for {self.name} set to path {at}",
        }[moment]


class Remove(State, frozen=True, kw_only=True):
    """Have a path not be one to choose from for a name.

    Example:
        - alternatives.remove: {name: editor, path: /usr/bin/vim.basic}
    """

    path: str

    def check(self, host: Host) -> Changes:
        """Return ``{path}``."""
        _path(self.path)
        return Changes({"path": self.path} if check_exists(host, self.name, self.path) else {})

    def apply(self, host: Host, changes: Changes) -> Done:
        """Take it away; what is chosen then is said."""
        remove(host, self.name, self.path)
        now = show_current(host, self.name)
        left = f"; it is now {now}" if now else ""
        return Done(changes=dict(changes), comment=f"Alternative {self.path} for {self.name} removed{left}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.WOULD:
            return f"Alternative for {self.name} will be removed"
        return f"Alternative {self.path} for {self.name} doesn't exist"


class Auto(State, frozen=True, kw_only=True):
    """Have the system choose what a name stands for, by priority.

    Example:
        - alternatives.auto: editor
    """

    def check(self, host: Host) -> Changes:
        """Return ``{mode}``. Raises NotFound when the system does not know the name."""
        known = _known(host, self.name)
        if not known.choices:
            raise NotFound(f"Alternative for {self.name} doesn't exist")
        return Changes({} if known.automatic else {"mode": {"old": "manual", "new": "auto"}})

    def apply(self, host: Host, changes: Changes) -> None:
        """Let it choose."""
        auto(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"{self.name} already in auto mode",
            Moment.WOULD: f"{self.name} will be put in auto mode",
            Moment.DONE: f"{self.name} is in auto mode",
        }[moment]


class Set(State, frozen=True, kw_only=True):
    """Have a path be what a name stands for.

    Example:
        - alternatives.set: {name: editor, path: /usr/bin/vim.basic}
    """

    path: str

    def check(self, host: Host) -> Changes:
        """Return ``{path}``."""
        return Changes({} if show_current(host, self.name) == _path(self.path) else {"path": self.path})

    def apply(self, host: Host, changes: Changes) -> None:
        """Choose it. Raises NotFound when it is none of those to choose from."""
        if not check_exists(host, self.name, self.path):
            raise NotFound(
                f"Alternative {self.path} for {self.name} doesn't exist", hint="alternatives.install adds it"
            )
        set_(host, self.name, self.path)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Alternative for {self.name} already set to {self.path}",
            Moment.WOULD: f"Alternative for {self.name} will be set to path {self.path}",
            Moment.DONE: f"Alternative for {self.name} set to path {self.path}",
        }[moment]
