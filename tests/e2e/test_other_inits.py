"""Services on hosts that something else than systemd has started: init scripts, OpenRC, runit."""

from __future__ import annotations

import pytest

from saltern.testing.lab import Lab
from saltern.testing.lab_host import HostFailed, NoPackages
from saltern.testing.lab_sweep import Call, Case, Then, try_case

pytestmark = pytest.mark.e2e

#: What puts each in systemd's place, and the name of the first process then.
INITS = {
    "sysv": (["sysvinit-core", "orphan-sysvinit-scripts"], "init"),
    "openrc": (["openrc", "sysvinit-core", "orphan-sysvinit-scripts"], "init"),
    "runit": (["runit-init", "runit-services", "orphan-sysvinit-scripts"], "runit"),
}
DOWN = Case(
    sls={"cron": {"service.dead": [{"enable": False}]}, "atd": {"service.running": [{"enable": True}]}},
    then=Then(
        unchanged=("atd",), changes={"cron": {"cron": False}}, commands={"pidof cron || echo none": "none"}
    ),
)
UP = Case(
    sls={"cron": {"service.running": [{"enable": True}]}, "nothing": {"service.dead": []}},
    then=Then(
        unchanged=("nothing",),
        changes={"cron": {"cron": True}},
        calls=(Call(fun="service.status", args=("cron",), gives=True),),
    ),
)


@pytest.mark.parametrize("kind", INITS)
def test_services_are_kept(kind: str, lab: Lab) -> None:
    packages, first = INITS[kind]
    host = lab.host(kind)
    try:
        host.start_with(*packages)
    except NoPackages as error:
        pytest.skip(f"no packages for lab hosts here: {error}")
    try:
        assert host.must("cat", "/proc/1/comm").strip() == first
        try_case(host, DOWN)
        assert host.call("service.disabled", "cron") is True
        try_case(host, UP)
        assert host.call("service.enabled", "cron") is True
        assert "cron" in host.call("service.get_running")
        assert "cron" in host.call("service.get_enabled")
        assert host.call("service.restart", "cron") is True
        with pytest.raises(HostFailed, match="not support masking"):
            host.call("service.mask", "cron")
    finally:
        host.kill()
