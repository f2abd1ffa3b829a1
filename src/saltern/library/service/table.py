"""Which provider keeps a host's services."""

from __future__ import annotations

from collections.abc import Callable

from saltern.library.service.provider import Services
from saltern.sdk import Host, NotSupported


def services(host: Host) -> Services:
    """Return what keeps this host's services. Raises NotSupported when it is none that is known."""
    for sign, made in PROVIDERS:
        if sign(host):
            return made(host)
    raise NotSupported("nothing that is known starts services on this host")


def _first_process(host: Host) -> str:
    return host.text("/proc/1/comm", "").strip()


def _systemd(host: Host) -> Services:
    from saltern.library.service.systemd import Systemd

    return Systemd(host)


def _launchd(host: Host) -> Services:
    from saltern.library.service.launchd import Launchd

    return Launchd(host)


def _openrc(host: Host) -> Services:
    from saltern.library.service.openrc import OpenRC

    return OpenRC(host)


def _runit(host: Host) -> Services:
    from saltern.library.service.runit import Runit

    return Runit(host)


def _supervisord(host: Host) -> Services:
    from saltern.library.service.supervisord import Supervisord

    return Supervisord(host)


def _sysv(host: Host) -> Services:
    from saltern.library.service.sysv import SysV

    return SysV(host)


#: What a host is known by, and what keeps its services then; the first that fits is taken.
PROVIDERS: tuple[tuple[Callable[[Host], bool], Callable[[Host], Services]], ...] = (
    (lambda host: host.exists("/run/systemd/system"), _systemd),
    (lambda host: host.uname().system == "Darwin", _launchd),
    (lambda host: host.exists("/run/openrc"), _openrc),
    (lambda host: _first_process(host) in ("runit", "runit-init", "runsvdir"), _runit),
    (lambda host: _first_process(host) == "supervisord", _supervisord),
    (lambda host: host.exists("/etc/init.d"), _sysv),
    (lambda host: host.which("supervisorctl") is not None, _supervisord),
)
