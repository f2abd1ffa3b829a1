"""The machine as a whole: its name, its clock, off and on again."""

from __future__ import annotations

import re
import time

from saltern.sdk import BadArgument, Changes, Host, Moment, State

#: Where the host's name lies, and what people call it.
_NAME_FILE, _INFO = "/etc/hostname", "/etc/machine-info"
_KERNEL = "/proc/sys/kernel/hostname"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_DATES = ("%Y-%m-%d", "%m-%d-%Y", "%m-%d-%y", "%m/%d/%Y", "%m/%d/%y", "%Y/%m/%d")
_TIMES = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
_OFFSET = re.compile(r"[+-]\d{4}")


def halt(host: Host) -> str:
    """Stop the system, and leave the machine on.

    Example:
        saltern run web1 system.halt
    """
    return host.run("shutdown", "-H", "now")


def init(host: Host, runlevel: int) -> str:
    """Go to a run level.

    Example:
        saltern run web1 system.init 3
    """
    return host.run("init", str(runlevel))


def poweroff(host: Host) -> str:
    """Stop the system and turn the machine off.

    Example:
        saltern run web1 system.poweroff
    """
    return host.run("shutdown", "-P", "now")


def reboot(host: Host, at_time: str | int | None = None) -> str:
    """Start the system anew, at once or ``at_time``: minutes from now, or ``22:00``. Raises BadArgument.

    Example:
        saltern run web1 system.reboot 5
    """
    return host.run("shutdown", "-r", _moment(at_time))


def shutdown(host: Host, at_time: str | int | None = None) -> str:
    """Stop the system and turn the machine off, at once or ``at_time``: minutes from now, or ``22:00``.

    Example:
        saltern run web1 system.shutdown 5
    """
    return host.run("shutdown", "-h", _moment(at_time))


def get_computer_name(host: Host) -> str:
    """Return the host's name as the kernel has it.

    Example:
        saltern run '*' system.get_computer_name
    """
    if not host.exists(_KERNEL):
        return host.uname().node
    return host.read(_KERNEL, 4096).decode(errors="replace").strip()


def set_computer_name(host: Host, hostname: str) -> bool:
    """Give the host a name, now and after a reboot. Raises BadArgument, CommandFailed.

    Example:
        saltern run web1 system.set_computer_name web2
    """
    _checked(hostname)
    if host.exists("/run/systemd/system") and host.which("hostnamectl"):
        host.run("hostnamectl", "set-hostname", hostname)
    else:
        host.write(_NAME_FILE, f"{hostname}\n".encode())
        host.run("hostname", hostname)
    return True


def get_computer_desc(host: Host) -> str:
    """Return what people call the host; empty where nothing is said.

    Example:
        saltern run '*' system.get_computer_desc
    """
    for line in reversed(host.text(_INFO, "").splitlines()):
        name, sign, value = line.strip().partition("=")
        if sign and name == "PRETTY_HOSTNAME":
            bare = value[1:-1] if value[:1] in ("'", '"') else value
            return re.sub(r"\\(.)", r"\1", bare)
    return ""


def set_computer_desc(host: Host, desc: str) -> bool:
    """Say what people call the host; empty text takes it away. Raises BadArgument.

    Example:
        saltern run web1 system.set_computer_desc "The web server"
    """
    if any(ord(sign) < 32 for sign in desc):
        raise BadArgument(f"desc = {desc!r}: it has to be one line")
    lines = [one for one in host.text(_INFO, "").splitlines() if not one.startswith("PRETTY_HOSTNAME=")]
    quoted = re.sub(r'(["\\$`])', r"\\\1", desc)
    lines += [f'PRETTY_HOSTNAME="{quoted}"'] if desc else []
    host.write(_INFO, "".join(f"{line}\n" for line in lines).encode())
    return True


def get_system_date_time(host: Host, utc_offset: str | None = None) -> str:
    """Return the clock's date and time, ``2030-01-31 17:05:00``: local ones, or those at ``+0100``.

    Example:
        saltern run '*' system.get_system_date_time +0000
    """
    return _clock(host, utc_offset, "%Y-%m-%d %H:%M:%S")


def get_system_date(host: Host, utc_offset: str | None = None) -> str:
    """Return the clock's date: ``Thu 01/31/2030``.

    Example:
        saltern run '*' system.get_system_date
    """
    return _clock(host, utc_offset, "%a %m/%d/%Y")


def get_system_time(host: Host, utc_offset: str | None = None) -> str:
    """Return the clock's time: ``05:05 PM``.

    Example:
        saltern run '*' system.get_system_time
    """
    return _clock(host, utc_offset, "%I:%M %p")


def set_system_date_time(
    host: Host,
    years: int | None = None,
    months: int | None = None,
    days: int | None = None,
    hours: int | None = None,
    minutes: int | None = None,
    seconds: int | None = None,
    utc_offset: str | None = None,
) -> bool:
    """Set the clock; what isn't given stays. The hardware clock follows where there is one to be set.

    Example:
        saltern run web1 system.set_system_date_time 2030 1 31 17 5 0 utc_offset=+0100
    """
    now = _clock(host, utc_offset, "%Y %m %d %H %M %S").split()
    given = (years, months, days, hours, minutes, seconds)
    parts = [int(old) if new is None else new for old, new in zip(now, given, strict=True)]
    text = "{:04}-{:02}-{:02} {:02}:{:02}:{:02}".format(*parts)
    try:
        time.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise BadArgument(f"there is no such time: {text}") from None
    host.run("date", f"--set={text} {_offset(utc_offset)}".strip())
    if has_settable_hwclock(host):
        host.run("hwclock", "--systohc")
    return True


def set_system_date(host: Host, newdate: str, utc_offset: str | None = None) -> bool:
    """Set the clock's date: ``2030-01-31``, ``01/31/2030``. Raises BadArgument.

    Example:
        saltern run web1 system.set_system_date 2030-01-31
    """
    met = _read(newdate, _DATES, "date")
    return set_system_date_time(host, met.tm_year, met.tm_mon, met.tm_mday, utc_offset=utc_offset)


def set_system_time(host: Host, newtime: str, utc_offset: str | None = None) -> bool:
    """Set the clock's time: ``17:05``, ``05:05:30 PM``. Raises BadArgument.

    Example:
        saltern run web1 system.set_system_time 17:05
    """
    met = _read(newtime, _TIMES, "time")
    return set_system_date_time(
        host, hours=met.tm_hour, minutes=met.tm_min, seconds=met.tm_sec, utc_offset=utc_offset
    )


def has_settable_hwclock(host: Host) -> bool:
    """Tell whether there is a hardware clock that can be set.

    Example:
        saltern run '*' system.has_settable_hwclock
    """
    return host.which("hwclock") is not None and (host.exists("/dev/rtc") or host.exists("/dev/rtc0"))


class Hostname(State, frozen=True, kw_only=True):
    """Keep the host's name, now and after a reboot; ``name`` is that.

    Example:
        - system.hostname: web1
    """

    def check(self, host: Host) -> Changes:
        """Return that the kernel has another one, or the file."""
        wanted = {get_computer_name(host), host.text(_NAME_FILE, "").strip()}
        return Changes({} if wanted == {_checked(self.name)} else {"hostname": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it. Raises CommandFailed."""
        set_computer_name(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Hostname is already set to '{self.name}'",
            Moment.WOULD: f"Hostname would be set to '{self.name}'",
            Moment.DONE: f"Hostname has been set to '{self.name}'",
        }[moment]


class ComputerDesc(State, frozen=True, kw_only=True):
    """Keep what people call the host; ``name`` is that.

    Example:
        - system.computer_desc: The web server
    """

    def check(self, host: Host) -> Changes:
        """Return the old and the new description."""
        return Changes.between({"description": get_computer_desc(host)}, {"description": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Write it."""
        set_computer_desc(host, self.name)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Computer description already set to '{self.name}'",
            Moment.WOULD: f"Computer description would be set to '{self.name}'",
            Moment.DONE: f"Computer description set to '{self.name}'",
        }[moment]


def _checked(hostname: str) -> str:
    if not _NAME.fullmatch(hostname) or len(hostname) > 64:
        raise BadArgument(f"{hostname!r} is no name of a host", hint="letters, digits, dashes and dots")
    return hostname


def _moment(at_time: str | int | None) -> str:
    if at_time is None:
        return "now"
    text = str(at_time)
    if not re.fullmatch(r"now|\+?\d+|\d{1,2}:\d{2}", text):
        raise BadArgument(f"at_time = {at_time!r}", hint="write minutes from now, or 22:00")
    return f"+{text}" if text.isdigit() else text


def _clock(host: Host, utc_offset: str | None, form: str) -> str:
    if utc_offset is None:
        return host.run("date", f"+{form}").strip()
    offset = _offset(utc_offset)
    seconds = (int(offset[1:3]) * 60 + int(offset[3:])) * 60
    return time.strftime(form, time.gmtime(host.now() + (seconds if offset[0] == "+" else -seconds)))


def _offset(utc_offset: str | None) -> str:
    if utc_offset is not None and not _OFFSET.fullmatch(utc_offset):
        raise BadArgument(f"utc_offset = {utc_offset!r}", hint="write +0100")
    return utc_offset or ""


def _read(text: str, forms: tuple[str, ...], what: str) -> time.struct_time:
    for form in forms:
        try:
            return time.strptime(text, form)
        except ValueError:
            continue
    raise BadArgument(
        f"{text!r} is no {what}", hint=f"write it like {time.strftime(forms[0], time.gmtime(0))}"
    )
