"""Crontabs: commands that run at set times.

What people have written in a crontab stays as it is; what is kept here lies below a marker line.
"""

from __future__ import annotations

from typing import Any

from saltern.library.cron.installed import asked, install, installed, read, shown
from saltern.library.cron.tab import FIELDS, Entry, entry, variable
from saltern.sdk import Host

REQUIRES = ("crontab",)
ALIASES = {"ls": "list_tab", "rm": "rm_job"}


def raw_cron(host: Host, user: str) -> str:
    """Return an account's crontab as it is; empty text when there is none. Raises CommandFailed.

    Example:
        saltern run web1 cron.raw_cron root
    """
    return installed(host, user)


def list_tab(host: Host, user: str) -> dict[str, Any]:
    """Return what an account's crontab holds: ``{pre, crons, special, env}``.

    Example:
        saltern run web1 cron.list_tab root
    """
    found = read(host, user)
    return {
        "pre": list(found.own),
        "crons": [shown(one) for one in found.entries if not one.special],
        "special": [shown(one) for one in found.entries if one.special],
        "env": [{"name": name, "value": value} for name, value in found.variables],
    }


def get_entry(host: Host, user: str, identifier: str | None = None, cmd: str | None = None) -> Any:
    """Return an entry by its identifier or its command; False when there is none.

    Example:
        saltern run web1 cron.get_entry root identifier=backup
    """
    for one in read(host, user).entries:
        if (identifier and one.identifier == identifier) or (cmd and one.command == cmd):
            return shown(one)
    return False


def write_cron_file(host: Host, user: str, path: str) -> bool:
    """Replace an account's crontab by a file's content. Raises CommandFailed for one that cron refuses.

    Example:
        saltern run web1 cron.write_cron_file root /srv/crontab
    """
    install(host, user, host.read(path).decode(errors="replace"))
    return True


def write_cron_file_verbose(host: Host, user: str, path: str) -> dict[str, Any]:
    """Replace an account's crontab by a file's content; return how ``crontab`` ended.

    Example:
        saltern run web1 cron.write_cron_file_verbose root /srv/crontab
    """
    done = asked(host, user, path)
    return {
        "pid": done.pid,
        "retcode": done.retcode,
        "stdout": done.stdout.decode(errors="replace"),
        "stderr": done.stderr.decode(errors="replace"),
    }


def set_job(
    host: Host,
    user: str,
    minute: str,
    hour: str,
    daymonth: str,
    month: str,
    dayweek: str,
    cmd: str,
    commented: bool = False,
    comment: str | None = None,
    identifier: str | None = None,
) -> str:
    """Have a command run at a time; return ``new``, ``updated`` or ``present``.

    Example:
        saltern run web1 cron.set_job root '*/5' '*' '*' '*' '*' /usr/bin/check identifier=check
    """
    when = (minute, hour, daymonth, month, dayweek)
    return _set(host, user, entry(cmd, when, "", identifier or cmd, comment or "", commented))


def set_special(
    host: Host,
    user: str,
    special: str,
    cmd: str,
    commented: bool = False,
    comment: str | None = None,
    identifier: str | None = None,
) -> str:
    """Have a command run at a special time such as ``@reboot``; return ``new``, ``updated`` or ``present``.

    Example:
        saltern run web1 cron.set_special root @reboot /usr/bin/check
    """
    return _set(host, user, entry(cmd, ("*",) * 5, special, identifier or cmd, comment or "", commented))


def rm_job(
    host: Host,
    user: str,
    cmd: str,
    minute: str | None = None,
    hour: str | None = None,
    daymonth: str | None = None,
    month: str | None = None,
    dayweek: str | None = None,
    identifier: str | None = None,
) -> str:
    """Remove a command by itself or its identifier, at those times that are named; ``removed`` or ``absent``.

    Example:
        saltern run web1 cron.rm_job root /usr/bin/check
    """
    times = dict(zip(FIELDS, (minute, hour, daymonth, month, dayweek), strict=True))

    def fits(one: Entry) -> bool:
        at = dict(zip(FIELDS, one.when, strict=True))
        return not one.special and all(value in (None, at[name]) for name, value in times.items())

    return _remove(host, user, [one for one in _meant(host, user, cmd, identifier) if fits(one)])


def rm_special(
    host: Host, user: str, cmd: str, special: str | None = None, identifier: str | None = None
) -> str:
    """Remove a command that runs at a special time; ``removed`` or ``absent``.

    Example:
        saltern run web1 cron.rm_special root /usr/bin/check @reboot
    """
    meant = _meant(host, user, cmd, identifier)
    return _remove(host, user, [one for one in meant if one.special and special in (None, one.special)])


def set_env(host: Host, user: str, name: str, value: str = "") -> str:
    """Set a variable of a crontab; return ``new``, ``updated`` or ``present``.

    Example:
        saltern run web1 cron.set_env root MAILTO ops@example.com
    """
    before = read(host, user)
    now = dict(before.variables)
    if now.get(name) == variable(name, value):
        return "present"
    install(host, user, before.with_variable(name, value).text())
    return "updated" if name in now else "new"


def rm_env(host: Host, user: str, name: str) -> str:
    """Remove a variable of a crontab; ``removed`` or ``absent``.

    Example:
        saltern run web1 cron.rm_env root MAILTO
    """
    before = read(host, user)
    if name not in dict(before.variables):
        return "absent"
    install(host, user, before.with_variable(name, None).text())
    return "removed"


def _set(host: Host, user: str, wanted: Entry) -> str:
    before = read(host, user)
    old = before.find(wanted.command, wanted.identifier)
    if old == wanted:
        return "present"
    install(host, user, before.with_entry(old, wanted).text())
    return "new" if old is None else "updated"


def _meant(host: Host, user: str, cmd: str, identifier: str | None) -> list[Entry]:
    return [one for one in read(host, user).entries if one.is_meant_by(cmd, identifier or "")]


def _remove(host: Host, user: str, entries: list[Entry]) -> str:
    if not entries:
        return "absent"
    left = read(host, user)
    for one in entries:
        left = left.with_entry(one, None)
    install(host, user, left.text())
    return "removed"
