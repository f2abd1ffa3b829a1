"""Locales: those the host has, and the one it speaks."""

from __future__ import annotations

import re

from saltern.sdk import BadArgument, Changes, Host, Moment, NotFound, NotSupported, State

_GENERATED = "/etc/locale.gen"
_SUPPORTED = "/usr/share/i18n/SUPPORTED"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*(\.[A-Za-z0-9-]+)?(@[A-Za-z0-9-]+)?( [A-Za-z0-9-]+)?")
#: Where systemd and many others keep the locale; Debian, too, at a place of its own.
_CONFIGURED, _DEBIAN = "/etc/locale.conf", "/etc/default/locale"


def list_avail(host: Host) -> list[str]:
    """Return the locales that are there, as ``locale -a`` writes them.

    Example:
        saltern run '*' locale.list_avail
    """
    return host.run("locale", "-a").split()


def avail(host: Host, locale: str) -> bool:
    """Tell whether a locale is there; ``de_DE.UTF-8`` and ``de_DE.utf8`` are the same.

    Example:
        saltern run '*' locale.avail de_DE.UTF-8
    """
    wanted = _same(_checked(locale))
    return wanted in {_same(one) for one in list_avail(host)}


def get_locale(host: Host) -> str:
    """Return the locale the host speaks; empty where none is set.

    Example:
        saltern run '*' locale.get_locale
    """
    for path in _files(host):
        for line in reversed(host.text(path, "").splitlines()):
            name, _, value = line.strip().partition("=")
            if name.removeprefix("export ").strip() == "LANG":
                return value.strip().strip("\"'")
    return ""


def set_locale(host: Host, locale: str) -> bool:
    """Have the host speak a locale, from the next login on. Raises NotFound for one that isn't there.

    Example:
        saltern run '*' locale.set_locale de_DE.UTF-8
    """
    if not avail(host, locale):
        raise NotFound(f"no locale {locale} on this host", hint="locale.gen_locale makes it")
    spoken = locale.partition(" ")[0]
    if _is_debian(host) and host.which("update-locale"):
        host.run("update-locale", f"LANG={spoken}")
    else:
        _write(host, _files(host)[0], spoken)
    return True


def gen_locale(host: Host, locale: str) -> bool:
    """Make a locale from its sources. Raises NotFound for one that is not supported, CommandFailed.

    A charset may follow: ``de_DE ISO-8859-1``; by default it is that in the name.

    Example:
        saltern run '*' locale.gen_locale de_DE.UTF-8
    """
    _checked(locale)
    if host.which("locale-gen"):
        _enlist(host, _line(host, locale))
        host.run("locale-gen", timeout=600.0)
    elif host.which("localedef"):
        name, charset = locale.partition(" ")[0], _charset(locale) or "ISO-8859-1"
        base, _, modifier = name.partition("@")
        source = base.partition(".")[0] + (f"@{modifier}" if modifier else "")
        host.run("localedef", "-i", source, "-f", charset, name, timeout=600.0)
    else:
        raise NotSupported("neither locale-gen nor localedef is on this host", hint="install locales")
    return True


class Present(State, frozen=True, kw_only=True):
    """Keep a locale made.

    Example:
        - locale.present: de_DE.UTF-8
    """

    def check(self, host: Host) -> Changes:
        """Return that it has to be made."""
        return Changes({} if avail(host, self.name) else {"locale": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it. Raises NotFound, CommandFailed."""
        gen_locale(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Locale {self.name} is already present",
            Moment.WOULD: f"Locale {self.name} needs to be generated",
            Moment.DONE: f"Generated locale {self.name}",
        }[moment]


class System(State, frozen=True, kw_only=True):
    """Keep the locale that the host speaks; it has to be there.

    Example:
        - locale.system: de_DE.UTF-8
    """

    def check(self, host: Host) -> Changes:
        """Return that it speaks another one."""
        same = _same(get_locale(host)) == _same(_checked(self.name))
        return Changes({} if same else {"locale": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it. Raises NotFound, CommandFailed."""
        set_locale(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"System locale {self.name} already set",
            Moment.WOULD: f"System locale {self.name} needs to be set",
            Moment.DONE: f"Set system locale {self.name}",
        }[moment]


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadArgument(f"{name!r} is no name of a locale", hint="write de_DE.UTF-8")
    return name


def _same(name: str) -> str:
    """Return a name by which two writings of a locale are one: ``de_DE.utf8``."""
    place, dot, charset = name.partition(" ")[0].partition(".")
    charset, at, modifier = charset.partition("@")
    return f"{place}{dot}{charset.lower().replace('-', '')}{at}{modifier}"


def _is_debian(host: Host) -> bool:
    return host.grains.get("os_family") == "Debian"


def _files(host: Host) -> tuple[str, ...]:
    return (_DEBIAN, _CONFIGURED) if _is_debian(host) else (_CONFIGURED, "/etc/sysconfig/i18n")


def _write(host: Host, path: str, locale: str) -> None:
    """Replace LANG; what else is in the file stays."""
    lines = [one for one in host.text(path, "").splitlines() if not one.strip().startswith("LANG=")]
    host.write(path, "".join(f"{line}\n" for line in [f"LANG={locale}", *lines]).encode())


def _charset(locale: str) -> str:
    """Return the charset that is said after the name, or in it; empty when neither is."""
    name, _, given = locale.partition(" ")
    return given or name.partition(".")[2].partition("@")[0]


def _line(host: Host, locale: str) -> str:
    """Return how the list of locales to make has it: ``de_DE.UTF-8 UTF-8``. Raises NotFound."""
    name = locale.partition(" ")[0]
    lines = [line.split() for line in host.text(_SUPPORTED, "").splitlines() if line.strip()]
    wanted = [words for words in lines if _same(words[0]) == _same(name)]
    given = _charset(locale)
    fits = [words for words in wanted if not given or _plain(words[1]) == _plain(given)]
    if fits:
        return " ".join(fits[0])
    if lines:
        raise NotFound(f"{locale} is none of the locales that can be made", hint=f"{_SUPPORTED} lists them")
    return f"{name} {given or 'ISO-8859-1'}"


def _plain(charset: str) -> str:
    return charset.lower().replace("-", "")


def _enlist(host: Host, line: str) -> None:
    """Have the list of locales to make hold a line, where it stands as a comment or at the end."""
    lines = host.text(_GENERATED, "").splitlines()
    bare = [" ".join(one.lstrip("# ").split()) for one in lines]
    if line in bare:
        lines[bare.index(line)] = line
    else:
        lines.append(line)
    host.write(_GENERATED, "".join(f"{one}\n" for one in lines).encode())
