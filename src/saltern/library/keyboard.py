"""The layout of the keyboard, on the console and under X."""

from __future__ import annotations

import re

from saltern.sdk import BadArgument, Changes, Host, Moment, NotSupported, State

#: Debian has one file for both; systemd one for the console and one for X.
_DEBIAN, _CONSOLE, _XORG = (
    "/etc/default/keyboard",
    "/etc/vconsole.conf",
    "/etc/X11/xorg.conf.d/00-keyboard.conf",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_,.+-]*")


def get_sys(host: Host) -> str:
    """Return the console's layout; empty where none is set.

    Example:
        saltern run '*' keyboard.get_sys
    """
    if _is_debian(host):
        return _variable(host, _DEBIAN, "XKBLAYOUT")
    return _variable(host, _CONSOLE, "KEYMAP")


def set_sys(host: Host, layout: str) -> bool:
    """Set the console's layout. Raises CommandFailed for one that isn't there.

    Example:
        saltern run '*' keyboard.set_sys de
    """
    _set(host, layout, "set-keymap")
    return True


def get_x(host: Host) -> str:
    """Return X's layout; empty where none is set.

    Example:
        saltern run '*' keyboard.get_x
    """
    if _is_debian(host):
        return _variable(host, _DEBIAN, "XKBLAYOUT")
    met = re.search(r'^\s*Option\s+"XkbLayout"\s+"([^"]*)"', host.text(_XORG, ""), re.MULTILINE)
    return met[1] if met else ""


def set_x(host: Host, layout: str) -> bool:
    """Set X's layout. Raises CommandFailed.

    Example:
        saltern run '*' keyboard.set_x de
    """
    _set(host, layout, "set-x11-keymap")
    return True


class System(State, frozen=True, kw_only=True):
    """Keep the console's layout.

    Example:
        - keyboard.system: de
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to be set."""
        return Changes({} if get_sys(host) == _checked(self.name) else {"layout": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it. Raises CommandFailed."""
        set_sys(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"System layout {self.name} already set",
            Moment.WOULD: f"System layout {self.name} needs to be set",
            Moment.DONE: f"Set system keyboard layout {self.name}",
        }[moment]


class Xorg(State, frozen=True, kw_only=True):
    """Keep X's layout.

    Example:
        - keyboard.xorg: de
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to be set."""
        return Changes({} if get_x(host) == _checked(self.name) else {"layout": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it. Raises CommandFailed."""
        set_x(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"XOrg layout {self.name} already set",
            Moment.WOULD: f"XOrg layout {self.name} needs to be set",
            Moment.DONE: f"Set XOrg keyboard layout {self.name}",
        }[moment]


def _checked(layout: str) -> str:
    if not _NAME.fullmatch(layout):
        raise BadArgument(f"{layout!r} is no keyboard layout", hint="write de or us")
    return layout


def _is_debian(host: Host) -> bool:
    return host.grains.get("os_family") == "Debian"


def _set(host: Host, layout: str, how: str) -> None:
    _checked(layout)
    if _is_debian(host):
        _assign(host, _DEBIAN, "XKBLAYOUT", layout)
    elif host.which("localectl"):
        host.run("localectl", how, layout)
    elif how == "set-keymap":
        _assign(host, _CONSOLE, "KEYMAP", layout)
    else:
        raise NotSupported("localectl is not on this host, and sets the keyboard of X")


def _variable(host: Host, path: str, name: str) -> str:
    for line in reversed(host.text(path, "").splitlines()):
        key, sign, value = line.strip().partition("=")
        if sign and key == name:
            return value.strip().strip("\"'")
    return ""


def _assign(host: Host, path: str, name: str, value: str) -> None:
    """Set a variable in its place, or at the end; what else is in the file stays."""
    lines = host.text(path, "").splitlines()
    own = [at for at, line in enumerate(lines) if line.strip().startswith(f"{name}=")]
    if own:
        lines[own[-1]] = f'{name}="{value}"'
    else:
        lines.append(f'{name}="{value}"')
    host.write(path, "".join(f"{line}\n" for line in lines).encode())
