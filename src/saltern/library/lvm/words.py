"""Options and sizes as LVM's programs take them."""

from __future__ import annotations

import re

import msgspec

from saltern.sdk import BadArgument


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Further options of LVM's programs, named as theirs without the dashes."""

    metadatasize: str | None = None
    dataalignment: str | None = None
    dataalignmentoffset: str | None = None
    pvmetadatacopies: int | None = None
    metadatacopies: int | None = None
    metadataignore: str | None = None
    bootloaderareasize: str | None = None
    labelsector: int | None = None
    setphysicalvolumesize: str | None = None
    physicalextentsize: str | None = None
    maxlogicalvolumes: int | None = None
    maxphysicalvolumes: int | None = None
    alloc: str | None = None
    addtag: str | None = None
    clustered: str | None = None
    autobackup: str | None = None
    vgmetadatacopies: int | None = None
    activate: str | None = None
    chunksize: str | None = None
    contiguous: str | None = None
    discards: str | None = None
    stripes: int | None = None
    stripesize: str | None = None
    minor: int | None = None
    persistent: str | None = None
    mirrors: int | None = None
    nosync: bool = False
    noudevsync: bool = False
    monitor: str | None = None
    ignoremonitoring: bool = False
    permission: str | None = None
    poolmetadatasize: str | None = None
    readahead: str | None = None
    regionsize: str | None = None
    type: str | None = None
    virtualsize: str | None = None
    zero: str | None = None
    wipesignatures: str | None = None


def words(options: Options) -> list[str]:
    """Return options as words: ``--name value``, and ``--name`` for a plain yes."""
    found = []
    for field in msgspec.structs.fields(Options):
        value = getattr(options, field.name)
        if value is True:
            found.append(f"--{field.name}")
        elif value is not None and value is not False:
            found.append(f"--{field.name}={value}")
    return found


def size_words(size: str | None, extents: str | int | None, thin: bool = False) -> list[str]:
    """Return the words for a size. Raises BadArgument unless exactly one way is chosen."""
    if bool(size) == bool(extents):
        raise BadArgument("exactly one of size and extents has to be given", hint="write size: 10G")
    if size and not re.fullmatch(r"[+-]?\d+(\.\d+)?[bBsSkKmMgGtTpPeE]?i?B?", size):
        raise BadArgument(f"size = {size!r}", hint="write 10G")
    if extents and not re.fullmatch(r"[+-]?\d+(%(VG|PVS|FREE|ORIGIN|LV))?", str(extents)):
        raise BadArgument(f"extents = {extents!r}", hint="write 100 or 100%FREE")
    if thin:
        return [f"--virtualsize={size}"] if size else [f"--extents={extents}"]
    return [f"--size={size}"] if size else [f"--extents={extents}"]
