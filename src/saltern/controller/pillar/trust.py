"""Which grains may decide about secrets.

An agent says its grains itself, and who has taken a machine can have it say anything. So pillar sees only
grains that the controller knows by itself (``id``, what a join token granted) or was told to trust.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from saltern.foundation.errors import SalternError
from saltern.targeting import Kind, parse
from saltern.targeting.expression import And, Expression, Fact, Not, Or, Source, Subnet

#: What ``platform`` in ``pillar.trusted_grains`` means: of what kind a machine is, not which one it is.
PLATFORM = frozenset(
    {
        *("os", "os_family", "osarch", "oscodename", "osfinger", "osfullname", "osmajorrelease", "osrelease"),
        *("osrelease_info", "osbuild", "osmanufacturer", "osservicepack", "osversion"),
        *("lsb_distrib_id", "lsb_distrib_codename", "lsb_distrib_release", "lsb_distrib_description"),
        *("kernel", "kernelrelease", "kernelversion", "kernelparams", "cpuarch", "cpu_model", "cpu_flags"),
        *("num_cpus", "num_gpus", "gpus", "mem_total", "swap_total", "disks", "ssds", "mdadm"),
        *("init", "systemd", "selinux", "virtual", "virtual_subtype", "biosversion", "manufacturer"),
        *("productname", "efi", "efi-secure-boot", "saltversion", "saltversioninfo", "salternversion"),
        *(
            "pythonversion",
            "pythonexecutable",
            "pythonpath",
            "saltpath",
            "shell",
            "path",
            "ps",
            "locale_info",
        ),
        *("timezone", "salternversioninfo", "zfs_support", "zfs_feature_flags", "transactional"),
    }
)

ALL, SET = "all", "platform"


class Trust:
    """What is believed of one agent: ``grains`` are those that decide.

    ``ignored`` are the names of grains that somebody asked for, and that only the agent itself tells.
    """

    def __init__(self, told: Mapping[str, Any], trusted: Iterable[str], pinned: Iterable[str]) -> None:
        """Take all grains, the names that the settings trust, and those the controller itself knows."""
        names = {*trusted, *pinned, "id"}
        if SET in names:
            names |= PLATFORM
        believed = {name: value for name, value in told.items() if ALL in names or name in names}
        self._untrusted = told.keys() - believed.keys()
        self.ignored: set[str] = set()
        self.grains = TrustedGrains(believed, self.note)

    def note(self, name: object) -> None:
        """Remember that somebody asked for a grain, if the agent tells it and is not believed."""
        if isinstance(name, str) and name in self._untrusted:
            self.ignored.add(name)

    def note_target(self, target: str, kind: str) -> None:
        """Remember what a target asks for; one that means nothing is the matcher's to complain of."""
        with contextlib.suppress(SalternError, ValueError):
            for name in grains_of(parse(target, Kind(kind))):
                self.note(name)


class TrustedGrains(dict[str, Any]):
    """Grains that decide. ``ask`` is told each name that is asked for."""

    def __init__(self, believed: Mapping[str, Any], ask: Callable[[object], None]) -> None:
        super().__init__(believed)
        self._ask = ask

    def __missing__(self, name: str) -> Any:
        self._ask(name)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        self._ask(name)
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a grain, or the default."""
        self._ask(name)
        return super().get(name, default)


def grains_of(expression: Expression) -> Iterator[str]:
    """Give the names of the grains that a target looks at."""
    match expression:
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from grains_of(part)
        case Not(part=part):
            yield from grains_of(part)
        case Fact(source=Source.GRAINS):
            yield expression.path.partition(expression.delimiter)[0]
        case Subnet():
            yield from ("ipv4", "ipv6")


def said(ignored: Iterable[str]) -> str:
    """Return the sentence about grains that were not trusted."""
    names = ", ".join(sorted(ignored))
    return f"not trusted here, since the agent says so itself: {names} (see pillar.trusted_grains)"
