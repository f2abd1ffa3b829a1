"""Logical volumes: physical volumes, groups of them, and what is cut from groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library.lvm import tables as volumes
from saltern.library.lvm.words import Options, size_words
from saltern.library.lvm.words import words as option_words
from saltern.sdk import Host, NotFound, takes

Names = str | list[str]


def version(host: Host) -> str:
    """Return LVM's version.

    Example:
        saltern run '*' lvm.version
    """
    return fullversion(host).get("LVM version", "").partition("(")[0].strip()


def fullversion(host: Host) -> dict[str, str]:
    """Return the versions of LVM, its library and the kernel's driver.

    Example:
        saltern run '*' lvm.fullversion
    """
    pairs = (line.partition(":") for line in host.run("lvm", "version").splitlines())
    return {name.strip(): value.strip() for name, sign, value in pairs if sign}


def pvdisplay(
    host: Host, pvname: str = "", real: bool = False, quiet: bool = False
) -> dict[str, dict[str, str]]:
    """Return physical volumes by device, or one. Raises NotFound for a device that is none.

    ``real`` goes by the devices that links lead to. ``quiet`` is accepted as Salt has it.

    Example:
        saltern run '*' lvm.pvdisplay
    """
    found = volumes.physical(host)
    if pvname:
        found = _only(found, volumes.device(host, pvname), f"{pvname} is no physical volume")
    return {host.real_path(name) if real else name: one for name, one in found.items()}


def vgdisplay(host: Host, vgname: str = "", quiet: bool = False) -> dict[str, dict[str, str]]:
    """Return volume groups by name, or one. Raises NotFound for one that isn't there.

    Example:
        saltern run '*' lvm.vgdisplay
    """
    found = volumes.groups(host)
    return _only(found, vgname, f"there is no volume group {vgname}") if vgname else found


def lvdisplay(host: Host, lvname: str = "", quiet: bool = False) -> dict[str, dict[str, str]]:
    """Return logical volumes by path (``/dev/vg/lv``), or one. Raises NotFound for one that isn't there.

    Example:
        saltern run '*' lvm.lvdisplay
    """
    found = volumes.logical(host)
    return _only(found, lvname, f"there is no logical volume {lvname}") if lvname else found


@takes(Options)
def pvcreate(host: Host, devices: Names, override: bool = True, force: bool = True, **options: Any) -> bool:
    """Make devices physical volumes; one that is one already stays with ``override``. Raises CommandFailed.

    ``force`` overwrites what else a device holds.

    Example:
        saltern run web1 lvm.pvcreate /dev/sdb1,/dev/sdc1
    """
    named = volumes.devices(host, devices)
    known = volumes.physical(host) if override else {}
    wanted = [one for one in named if one not in known]
    if wanted:
        host.run(
            "pvcreate", *(["--yes", "-ff"] if force else []), *option_words(Options(**options)), "--", *wanted
        )
    return True


def pvremove(host: Host, devices: Names, override: bool = True, force: bool = True) -> bool:
    """Make devices no longer physical volumes. Raises CommandFailed, as for one that is in a group.

    Example:
        saltern run web1 lvm.pvremove /dev/sdb1
    """
    named = volumes.devices(host, devices)
    known = volumes.physical(host) if override else {}
    wanted = [one for one in named if not override or one in known]
    if wanted:
        host.run("pvremove", *(["--yes"] if force else []), "--", *wanted)
    return True


def pvresize(host: Host, devices: Names, override: bool = True, force: bool = True) -> bool:
    """Have physical volumes take their devices' present size. Raises CommandFailed.

    Example:
        saltern run web1 lvm.pvresize /dev/sdb1
    """
    host.run("pvresize", *(["--yes"] if force else []), "--", *volumes.devices(host, devices))
    return True


@takes(Options)
def vgcreate(host: Host, vgname: str, devices: Names, force: bool = False, **options: Any) -> dict[str, Any]:
    """Make a volume group and return it. Raises CommandFailed.

    Example:
        saltern run web1 lvm.vgcreate data /dev/sdb1,/dev/sdc1
    """
    words = [*(["--yes"] if force else []), *option_words(Options(**options))]
    host.run("vgcreate", *words, "--", volumes.name(vgname), *volumes.devices(host, devices))
    return vgdisplay(host, vgname)


def vgextend(host: Host, vgname: str, devices: Names, force: bool = False) -> bool:
    """Add physical volumes to a group. Raises CommandFailed.

    Example:
        saltern run web1 lvm.vgextend data /dev/sdd1
    """
    words = ["--yes"] if force else []
    host.run("vgextend", *words, "--", volumes.name(vgname), *volumes.devices(host, devices))
    return True


def vgremove(host: Host, vgname: str, force: bool = True) -> bool:
    """Remove a volume group; with ``force`` its logical volumes too. Raises CommandFailed.

    Example:
        saltern run web1 lvm.vgremove data
    """
    host.run("vgremove", *(["--force", "--yes"] if force else []), "--", volumes.name(vgname))
    return True


@takes(Options)
def lvcreate(
    host: Host,
    lvname: str,
    vgname: str,
    size: str | None = None,
    extents: str | int | None = None,
    snapshot: str | None = None,
    pv: str | None = None,
    thinvolume: bool = False,
    thinpool: bool = False,
    force: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Make a logical volume and return it. Raises BadArgument, CommandFailed.

    It has a ``size`` (``10G``) or ``extents`` (``100%FREE``), lies on ``pv``, is a ``snapshot`` of another
    one, a ``thinpool``, or a ``thinvolume`` (then ``vgname`` is ``group/pool``).

    Example:
        saltern run web1 lvm.lvcreate www data size=10G
    """
    group = volumes.name(vgname.partition("/")[0])
    of = f"{group}/{volumes.name(vgname.partition('/')[2])}" if "/" in vgname else group
    host.run(
        "lvcreate",
        *option_words(Options(**options)),
        *(["--yes"] if force else []),
        *size_words(size, extents, thinvolume),
        *(["--snapshot"] if snapshot else []),
        *(["--thin"] if thinvolume or thinpool else []),
        *(["--thinpool"] if thinpool else ["--name"]),
        volumes.name(lvname),
        "--",
        f"{group}/{volumes.name(snapshot)}" if snapshot else of,
        *([volumes.device(host, pv)] if pv else []),
        timeout=600.0,
    )
    return lvdisplay(host, f"/dev/{group}/{lvname}") if not thinpool else {f"/dev/{group}/{lvname}": {}}


def lvremove(host: Host, lvname: str, vgname: str, force: bool = True) -> bool:
    """Remove a logical volume and what is on it. Raises CommandFailed.

    Example:
        saltern run web1 lvm.lvremove www data
    """
    words = ["--force"] if force else []
    host.run("lvremove", *words, "--", f"{volumes.name(vgname)}/{volumes.name(lvname)}")
    return True


def lvresize(
    host: Host,
    size: str | None = None,
    lvpath: str = "",
    extents: str | int | None = None,
    force: bool = False,
    resizefs: bool = False,
) -> bool:
    """Give a logical volume another size; with ``resizefs`` its file system too. Raises CommandFailed.

    Example:
        saltern run web1 lvm.lvresize 12G /dev/data/www resizefs=True
    """
    words = [*(["--force"] if force else []), *(["--resizefs"] if resizefs else [])]
    host.run("lvresize", *words, *size_words(size, extents), "--", volumes.path(lvpath), timeout=None)
    return True


def lvextend(
    host: Host,
    size: str | None = None,
    lvpath: str = "",
    extents: str | int | None = None,
    force: bool = False,
    resizefs: bool = False,
) -> bool:
    """Make a logical volume larger; with ``resizefs`` its file system too. Raises CommandFailed.

    Example:
        saltern run web1 lvm.lvextend 12G /dev/data/www resizefs=True
    """
    words = [*(["--force"] if force else []), *(["--resizefs"] if resizefs else [])]
    host.run("lvextend", *words, *size_words(size, extents), "--", volumes.path(lvpath), timeout=None)
    return True


def _only(found: Mapping[str, dict[str, str]], name: str, otherwise: str) -> dict[str, dict[str, str]]:
    if name not in found:
        raise NotFound(otherwise)
    return {name: found[name]}
