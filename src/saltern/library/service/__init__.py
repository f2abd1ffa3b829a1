"""Services: started, stopped, enabled, whatever the host keeps them with.

systemd, OpenRC, runit, supervisord, launchd and plain init scripts are known. A name without a suffix is a
service's: ``cron`` is ``cron.service`` to systemd, and ``logrotate.timer`` a timer.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from saltern.library.service.provider import Verb, has_process
from saltern.library.service.table import services
from saltern.sdk import CommandFailed, Host


def status(host: Host, name: str, sig: str | None = None) -> Any:
    """Tell whether a service runs; with a pattern in ``name`` return that of each that fits.

    ``sig`` is looked for in the command lines of all processes instead.

    Example:
        saltern run '*' service.status cron
    """
    if sig:
        return has_process(host, sig)
    kept = services(host)
    if not any(sign in name for sign in "*?["):
        return kept.running(name)
    return {one: kept.running(one) for one in kept.names() if fnmatchcase(one, name)}


def start(
    host: Host, name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False
) -> bool:
    """Start a service. Raises CommandFailed with what the host says.

    ``no_block`` does not wait until it runs; ``unmask`` and ``unmask_runtime`` take masks away first.

    Example:
        saltern run '*' service.start cron
    """
    return _act(host, "start", name, no_block, unmask, unmask_runtime)


def stop(host: Host, name: str, no_block: bool = False) -> bool:
    """Stop a service; tell whether that went well.

    Example:
        saltern run '*' service.stop cron
    """
    try:
        services(host).act("stop", name, no_block)
    except CommandFailed:
        return False
    return True


def restart(
    host: Host, name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False
) -> bool:
    """Stop and start a service. Raises CommandFailed.

    Example:
        saltern run '*' service.restart cron
    """
    return _act(host, "restart", name, no_block, unmask, unmask_runtime)


def reload_(
    host: Host, name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False
) -> bool:
    """Have a service read its settings again. Raises CommandFailed, also when it can't.

    Example:
        saltern run '*' service.reload ssh
    """
    return _act(host, "reload", name, no_block, unmask, unmask_runtime)


def force_reload(
    host: Host, name: str, no_block: bool = True, unmask: bool = False, unmask_runtime: bool = False
) -> bool:
    """Have a service read its settings again, by a restart when it can't otherwise. Raises CommandFailed.

    Example:
        saltern run '*' service.force_reload cron
    """
    return _act(host, "force-reload", name, no_block, unmask, unmask_runtime)


def enable(host: Host, name: str, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Have a service started when the host starts. Raises CommandFailed.

    Example:
        saltern run '*' service.enable cron
    """
    _unmask(host, name, unmask, unmask_runtime)
    services(host).enable(name)
    return True


def disable(host: Host, name: str) -> bool:
    """Have a service not started when the host starts; tell whether that went well.

    Example:
        saltern run '*' service.disable cron
    """
    try:
        services(host).disable(name)
    except CommandFailed:
        return False
    return True


def enabled(host: Host, name: str) -> bool:
    """Tell whether a service is started when the host starts, if only because others want it.

    Example:
        saltern run '*' service.enabled cron
    """
    return services(host).enabled(name)


def disabled(host: Host, name: str) -> bool:
    """Tell whether a service is not started when the host starts; also true of one that isn't there.

    Example:
        saltern run '*' service.disabled cron
    """
    return not enabled(host, name)


def available(host: Host, name: str) -> bool:
    """Tell whether there is such a service.

    Example:
        saltern run '*' service.available cron
    """
    return services(host).available(name)


def missing(host: Host, name: str) -> bool:
    """Tell whether there is no such service.

    Example:
        saltern run '*' service.missing cron
    """
    return not available(host, name)


def get_all(host: Host) -> list[str]:
    """Return all services; of systemd all units, other kinds with their suffix.

    Example:
        saltern run '*' service.get_all
    """
    return services(host).names()


def get_enabled(host: Host) -> list[str]:
    """Return the services that are started when the host starts.

    Example:
        saltern run '*' service.get_enabled
    """
    return services(host).enabled_names()


def get_disabled(host: Host) -> list[str]:
    """Return the services that could be started when the host starts, and are not.

    Example:
        saltern run '*' service.get_disabled
    """
    return services(host).disabled_names()


def get_static(host: Host) -> list[str]:
    """Return the services that only others start.

    Example:
        saltern run '*' service.get_static
    """
    return services(host).static_names()


def get_running(host: Host) -> list[str]:
    """Return the services that run.

    Example:
        saltern run '*' service.get_running
    """
    return services(host).running_names()


def mask(host: Host, name: str, runtime: bool = False) -> bool:
    """Keep a service from being started by anybody; ``runtime``: until the host starts again.

    Raises NotSupported where there is no such thing.

    Example:
        saltern run '*' service.mask cron
    """
    services(host).mask(name, runtime)
    return True


def unmask(host: Host, name: str, runtime: bool = False) -> bool:
    """Take a mask away.

    Example:
        saltern run '*' service.unmask cron
    """
    _unmask(host, name, not runtime, runtime)
    return True


def masked(host: Host, name: str, runtime: bool = False) -> bool:
    """Tell whether a service is masked; ``runtime``: until the host starts again.

    Example:
        saltern run '*' service.masked cron
    """
    return services(host).masked(name, runtime)


def show(host: Host, name: str) -> dict[str, Any]:
    """Return all that systemd knows of a unit.

    Example:
        saltern run '*' service.show cron
    """
    return dict(services(host).show(name))


def execs(host: Host) -> dict[str, str]:
    """Return the program of each service that has one.

    Example:
        saltern run '*' service.execs
    """
    return dict(services(host).programs())


def systemctl_reload(host: Host) -> bool:
    """Have the definitions of services read again. It happens by itself before a service is acted on.

    Example:
        saltern run '*' service.systemctl_reload
    """
    services(host).read_anew()
    return True


def _act(host: Host, verb: Verb, name: str, no_block: bool, unmask: bool, unmask_runtime: bool) -> bool:
    _unmask(host, name, unmask, unmask_runtime)
    services(host).act(verb, name, no_block)
    return True


def _unmask(host: Host, name: str, lasting: bool, runtime: bool) -> None:
    """Take away the masks that there are, of the kinds asked for."""
    kept = services(host)
    for wanted, kind in ((lasting, False), (runtime, True)):
        if wanted and kept.masked(name, kind):
            kept.unmask(name, kind)
