"""Kernel parameters: read one, set one, keep one set."""

from __future__ import annotations

import re

from saltern.sdk import BadArgument, Changes, Host, Moment, NotAllowed, NotFound, State

#: Where parameters are kept: read by systemd-sysctl, and by ``sysctl --system`` elsewhere.
DIRECTORY, FILE = "/etc/sysctl.d", "99-saltern.conf"
_KERNEL = "/proc/sys"
#: Bytes asked for: the kernel makes room for all of them before it answers.
_LIMIT = 65536
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:@-]*")

Value = str | int | float | bool


def get(host: Host, name: str) -> str:
    """Return the value the running kernel uses, its words with single spaces. Raises NotFound, NotAllowed.

    Example:
        saltern run '*' sysctl.get vm.swappiness
    """
    _checked(name)
    if not host.exists(_KERNEL):
        return _plain(host.run("sysctl", "-n", name))
    try:
        return _plain(host.read(_path(name), _LIMIT).decode(errors="replace"))
    except NotFound:
        raise NotFound(
            f"the kernel has no parameter {name}", hint="kmod.present loads the module that brings it"
        ) from None


def assign(host: Host, name: str, value: Value) -> dict[str, str]:
    """Set a parameter until the next boot; return ``{name: value}``. Raises CommandFailed, BadArgument.

    Example:
        saltern run '*' sysctl.assign vm.swappiness 10
    """
    text = written(value)
    host.run("sysctl", *(["-w"] if host.exists(_KERNEL) else []), f"{_checked(name)}={text}")
    return {name: text}


def show(host: Host, config_file: str | bool = False) -> dict[str, str]:
    """Return all parameters and their values, or those that a file keeps.

    Example:
        saltern run '*' sysctl.show config_file=/etc/sysctl.d/99-saltern.conf
    """
    if config_file:
        return _read(host, default_config(host) if config_file is True else config_file)
    pairs = (line.partition("=") for line in host.run("sysctl", "-a").splitlines())
    return {name.strip(): _plain(value) for name, sign, value in pairs if sign}


def default_config(host: Host) -> str:
    """Return the file that parameters are kept in: ``/etc/sysctl.d/99-saltern.conf``.

    Where there is no such directory it is ``/etc/sysctl.conf``.

    Example:
        saltern run '*' sysctl.default_config
    """
    return f"{DIRECTORY}/{FILE}" if host.exists(DIRECTORY) else "/etc/sysctl.conf"


def persist(host: Host, name: str, value: Value, config: str | None = None) -> str:
    """Set a parameter now and at each boot; return ``Updated``, or ``Already set``.

    Example:
        saltern run '*' sysctl.persist vm.swappiness 10
    """
    path, text = config or default_config(host), written(value)
    now, later = _running(host, name) == text, _kept(host, path, name) == text
    if not now:
        assign(host, name, text)
    if not later:
        _keep(host, path, name, text)
    return "Already set" if now and later else "Updated"


class Present(State, frozen=True, kw_only=True):
    """Keep a kernel parameter at a value, now and after a reboot.

    ``config`` is the file that keeps it, ``/etc/sysctl.d/99-saltern.conf`` by default.

    Example:
        - sysctl.present: {name: vm.swappiness, value: 10}
    """

    value: Value
    config: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that the kernel has another value, or the file."""
        want, path = written(self.value), self.config or default_config(host)
        now, later = _running(host, self.name) == want, _kept(host, path, self.name) == want
        if now and later:
            return Changes()
        return Changes({self.name: want}, mend=(not now, not later))

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it, and keep it once the kernel has taken it. Raises CommandFailed."""
        now, later = changes.mend
        if now:
            assign(host, self.name, self.value)
        if later:
            _keep(host, self.config or default_config(host), self.name, written(self.value))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        value = written(self.value)
        return {
            Moment.CORRECT: f"Sysctl value {self.name} = {value} is already set",
            Moment.WOULD: f"Sysctl option {self.name} set to be changed to {value}",
            Moment.DONE: f"Updated sysctl value {self.name} = {value}",
        }[moment]


def _read(host: Host, path: str) -> dict[str, str]:
    """Return what a file keeps, by the parameters' names as ``sysctl -a`` writes them."""
    found = {}
    for line in host.text(path, "").splitlines():
        name, sign, value = _parts(line)
        if sign:
            found[name] = _plain(value)
    return found


def written(value: Value) -> str:
    """Return a value as it is set: yes is 1, words have single spaces. Raises BadArgument."""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    if "\n" in text or "\0" in text:
        raise BadArgument(f"value = {text!r}: a parameter's value is one line")
    return _plain(text)


def _parts(line: str) -> tuple[str, str, str]:
    """Return a line's parameter, ``=`` and value; three empty texts for a comment."""
    if line.lstrip().startswith(("#", ";")):
        return "", "", ""
    name, sign, value = line.partition("=")
    return _dotted(name.strip().removeprefix("-")), sign, value


def _dotted(name: str) -> str:
    """Return ``net/ipv4/conf/eth0.1/x`` as ``net.ipv4.conf.eth0/1.x``; one with dots as it is."""
    first = next((sign for sign in name if sign in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("./", "/."))


def _path(name: str) -> str:
    slashed = _dotted(name).translate(str.maketrans("./", "/."))
    return f"{_KERNEL}/{slashed}"


def _checked(name: str) -> str:
    """Return a parameter's name. Raises BadArgument for what isn't one, or would lead elsewhere."""
    parts = _dotted(name).translate(str.maketrans("./", "/.")).split("/")
    if not _NAME.fullmatch(name) or any(part in ("", ".", "..") for part in parts):
        raise BadArgument(f"{name!r} is no name of a kernel parameter", hint="write vm.swappiness")
    return name


def _running(host: Host, name: str) -> str | None:
    """Return the kernel's value; None for a parameter that isn't there yet, or can only be written."""
    try:
        return get(host, name)
    except (NotFound, NotAllowed):
        return None


def _kept(host: Host, path: str, name: str) -> str | None:
    return _read(host, path).get(_dotted(_checked(name)))


def _keep(host: Host, path: str, name: str, value: str) -> None:
    """Write it where the file has it, else at its end; what else is in the file stays."""
    name, line = _dotted(name), f"{_dotted(name)} = {value}"
    lines = host.text(path, "").splitlines()
    own = [at for at, one in enumerate(lines) if _parts(one)[0] == name]
    left = (
        [line if at == own[-1] else one for at, one in enumerate(lines) if at not in own[:-1]]
        if own
        else lines
    )
    host.write(path, "\n".join([*left, *([] if own else [line]), ""]).encode())


def _plain(text: str) -> str:
    return " ".join(text.split())
