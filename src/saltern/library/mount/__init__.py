"""File systems and swap space: mounted now, and at boot by /etc/fstab."""

from __future__ import annotations

import posixpath
from typing import Any

from saltern.library.mount import kernel, lines, memory
from saltern.library.mount.act import attach, detach, reattach, swap_off, swap_on, swap_table
from saltern.library.mount.options import split
from saltern.sdk import BadArgument, Host, NotFound

Options = str | list[str]
FSTAB = "/etc/fstab"


def unavailable(host: Host) -> str:
    """Other kernels have other tables."""
    return "" if host.uname().system == "Linux" else "only Linux's mounts are known"


def active(host: Host, extended: bool = False) -> dict[str, dict[str, Any]]:
    """Return what is mounted by mount point: ``{device, alt_device, fstype, opts}``.

    ``extended`` adds ``mountid``, ``parentid``, ``major``, ``minor``, ``root``, ``superopts``,
    ``device_uuid`` and ``device_label``.

    Example:
        saltern run '*' mount.active
    """
    from saltern.library import disk

    known = disk.blkid(host) if extended and host.which("blkid") else {}
    return {one.directory: _shown(one, known if extended else None) for one in kernel.mounts(host)}


def is_mounted(host: Host, name: str) -> bool:
    """Tell whether something is mounted at a path.

    Example:
        saltern run '*' mount.is_mounted /srv
    """
    return kernel.at(host, kernel.directory(host, name)) is not None


def fstab(host: Host, config: str = FSTAB) -> dict[str, dict[str, Any]]:
    """Return what is mounted at boot by mount point: ``{device, fstype, opts, dump, pass}``.

    Example:
        saltern run '*' mount.fstab
    """
    return {
        one.directory: {
            "device": one.device,
            "fstype": one.kind,
            "opts": split(one.options),
            "dump": one.dump,
            "pass": one.number,
        }
        for one in lines.entries(host, config)
    }


def set_fstab(
    host: Host,
    name: str,
    device: str,
    fstype: str,
    opts: Options = "defaults",
    dump: int = 0,
    pass_num: int = 0,
    config: str = FSTAB,
    test: bool = False,
    match_on: Options = "auto",
    not_change: bool = False,
) -> str:
    """Have a file system mounted at boot; return ``new``, ``change`` or ``present``.

    ``match_on`` names what makes an entry the one that is meant (``name``, ``device``, ``fstype``,
    ``opts``): its mount point by default. ``not_change`` leaves an entry that is there alone, ``test`` only
    tells.

    Example:
        saltern run web1 mount.set_fstab /srv /dev/sdb1 ext4 opts=noatime
    """
    wanted = lines.Entry(
        device=device,
        directory=name,
        kind=fstype,
        options=",".join(split(opts)) or "defaults",
        dump=str(dump),
        number=str(pass_num),
    )
    how, text = lines.put(host.text(config, ""), wanted, lines.matched_by(wanted, match_on), not_change)
    if how != "present" and not test:
        host.write(config, text.encode())
    return how


def rm_fstab(host: Host, name: str, device: str | None = None, config: str = FSTAB) -> bool:
    """Have a file system no longer mounted at boot: all entries of a mount point, or those of a device.

    Example:
        saltern run web1 mount.rm_fstab /srv /dev/sdb1
    """
    before = host.text(config, "")
    after = lines.without(before, name, None if device is None else [device])
    if before != after:
        host.write(config, after.encode())
    return True


def mount(
    host: Host,
    name: str,
    device: str | bool | None = None,
    mkmnt: bool = False,
    fstype: str = "",
    opts: Options = "defaults",
    user: str | None = None,
    util: str = "mount",
) -> bool:
    """Mount a device; without one, what /etc/fstab has for the path. Raises NotFound, CommandFailed.

    ``mkmnt`` makes the directory. ``user`` mounts as that account.

    Example:
        saltern run web1 mount.mount /mnt/data /dev/sdb1 mkmnt=True fstype=ext4
    """
    _only_mount(util)
    attach(host, kernel.directory(host, name), device or "", fstype, split(opts), mkmnt, user)
    return True


def remount(
    host: Host,
    name: str,
    device: str,
    mkmnt: bool = False,
    fstype: str = "",
    opts: Options = "defaults",
    user: str | None = None,
) -> bool:
    """Mount a file system again with other options; one that isn't mounted is. Raises CommandFailed.

    Example:
        saltern run web1 mount.remount /mnt/data /dev/sdb1 opts=ro
    """
    path = kernel.directory(host, name)
    there = kernel.at(host, path)
    if there is None:
        attach(host, path, device, fstype, split(opts), mkmnt, user)
    else:
        reattach(host, path, device, fstype or there.kind, split(opts), user)
    return True


def umount(
    host: Host,
    name: str,
    device: str | None = None,
    user: str | None = None,
    util: str = "mount",
    lazy: bool = False,
) -> bool:
    """Unmount what is mounted at a path. Raises NotFound when nothing is, CommandFailed for one in use.

    ``device`` has to be what is mounted; ``lazy`` detaches it at once and cleans up when nobody uses it.

    Example:
        saltern run web1 mount.umount /mnt/data
    """
    _only_mount(util)
    path = kernel.directory(host, name)
    there = kernel.at(host, path)
    if there is None or (device and not kernel.is_of(host, device, there, bind=False)):
        raise NotFound(f"{name} does not have {device or 'anything'} mounted")
    detach(host, path, user, lazy)
    return True


def swaps(host: Host) -> dict[str, dict[str, str]]:
    """Return the swap space in use by device or file: ``{type, size, used, priority}``, in KiB.

    Example:
        saltern run '*' mount.swaps
    """
    return swap_table(host)


def swapon(host: Host, name: str, priority: int | None = None) -> dict[str, Any]:
    """Use a device or a file as swap space; return ``{stats, new}``. Raises CommandFailed.

    Example:
        saltern run web1 mount.swapon /swapfile
    """
    return {
        "new": swap_on(host, name, priority),
        "stats": swap_table(host).get(kernel.device(host, name), {}),
    }


def swapoff(host: Host, name: str) -> bool | None:
    """Use it no longer; None when it wasn't in use. Raises CommandFailed.

    Example:
        saltern run web1 mount.swapoff /swapfile
    """
    if kernel.device(host, name) not in swap_table(host):
        return None
    swap_off(host, name)
    return True


def is_fuse_exec(host: Host, cmd: str) -> bool:
    """Tell whether a program is made with FUSE, so that it mounts file systems.

    Example:
        saltern run '*' mount.is_fuse_exec sshfs
    """
    path = host.which(cmd)
    return path is not None and "libfuse" in host.run("ldd", path)


def get_mount_from_path(host: Host, path: str) -> str:
    """Return the mount point that a path lies below.

    Example:
        saltern run '*' mount.get_mount_from_path /var/log
    """
    return kernel.holding(host, _absolute(host, path)).directory


def get_device_from_path(host: Host, path: str) -> str:
    """Return the device of the file system that a path lies on.

    Example:
        saltern run '*' mount.get_device_from_path /var/log
    """
    return kernel.holding(host, _absolute(host, path)).device


def read_mount_cache(host: Host, name: str) -> dict[str, Any]:
    """Return what a mount point was last mounted with: ``{device, fstype, mkmnt, opts}``.

    Example:
        saltern run '*' mount.read_mount_cache /srv
    """
    return memory.read(host).get(name, {})


def write_mount_cache(
    host: Host, real_name: str, device: str, mkmnt: bool, fstype: str, mount_opts: Options
) -> bool:
    """Keep what a mount point was mounted with.

    Example:
        saltern run web1 mount.write_mount_cache /srv /dev/sdb1 False ext4 defaults
    """
    memory.remember(host, real_name, device, fstype, split(mount_opts), mkmnt)
    return True


def delete_mount_cache(host: Host, real_name: str) -> bool:
    """Forget what a mount point was mounted with; False when nothing was known.

    Example:
        saltern run web1 mount.delete_mount_cache /srv
    """
    return memory.forget(host, real_name)


def _shown(one: kernel.Mounted, known: dict[str, dict[str, str]] | None) -> dict[str, Any]:
    plain = {"device": one.device, "alt_device": one.device, "fstype": one.kind}
    if known is None:
        return {**plain, "opts": list(dict.fromkeys([*one.options, *one.super_options]))}
    of_device = known.get(one.device, {})
    return {
        **plain,
        "opts": list(one.options),
        "mountid": one.number,
        "parentid": one.parent,
        "major": one.major,
        "minor": one.minor,
        "root": one.root,
        "superopts": list(one.super_options),
        "device_uuid": of_device.get("UUID"),
        "device_label": of_device.get("LABEL"),
    }


def _absolute(host: Host, path: str) -> str:
    if not path.startswith("/"):
        raise BadArgument(f"{path!r} is no absolute path")
    return posixpath.normpath(host.real_path(path))


def _only_mount(util: str) -> None:
    if util != "mount":
        raise BadArgument(f"util = {util!r}: only mount is known", hint="leave util out")
