"""What a host can say of itself and its files."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["file", "directory", "link", "pipe", "socket", "device"]


class Stat(msgspec.Struct, frozen=True, kw_only=True):
    """One directory entry. ``mode`` is the permission bits, ``modified`` seconds since the epoch."""

    kind: Kind
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: float = 0.0
    accessed: float = 0.0
    inode: int = 0
    target: str = ""  # where a link points, as written
    links: int = 1  # names that a file has
    device: tuple[int, int] = (0, 0)  # major and minor number of a device
    block: bool = False  # a device that is read in blocks
    changed: float = 0.0  # when anything about it, its mode for one, was last changed


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account. ``groups`` are the ids of every group it is in."""

    name: str
    uid: int
    gid: int
    home: str = "/"
    shell: str = "/bin/sh"
    group: str = ""
    groups: tuple[int, ...] = ()


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of accounts."""

    name: str
    gid: int


class Uname(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel says it is, as of uname(2)."""

    system: str
    node: str
    release: str
    version: str
    machine: str


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One address of an interface; ``label`` is the alias's name (``eth0:1``) or the interface's own."""

    family: Literal["inet", "inet6"]
    address: str
    prefix: int
    broadcast: str = ""
    label: str = ""


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """A network interface. ``hardware`` is its MAC address, empty where it has none."""

    name: str
    up: bool = False
    hardware: str = ""
    mtu: int = 0
    addresses: tuple[Address, ...] = ()
