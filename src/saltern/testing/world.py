"""What a fake host is made of: files, programs and pages as a test writes them."""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.sdk import Address, Interface
from saltern.sdk.facts import Kind


class ImpossibleWorld(AssertionError):
    """A test gave a world that can't exist, or the code under test did what nobody foresaw."""


class File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What lies at a path: a file with content, or a link."""

    content: Any = ""  # text or bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    modified: float = 0.0
    accessed: float = 0.0
    link: str = ""
    node: str = ""  # "pipe", "character" or "block"
    device: tuple[int, int] = (0, 0)
    forbidden: bool = False  # opening it is not permitted

    @property
    def data(self) -> bytes:
        """The content as bytes."""
        return self.content if isinstance(self.content, bytes) else str(self.content).encode()


class Program(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What happens when a command line is run.

    ``when`` names files: of the first one that is there, what stands beside it happens instead. With
    ``writes`` and ``removes`` of one program another one's answer changes so. ``keeps`` is a path that gets
    what the program reads from its stdin, ``shows`` one whose content it writes to its stdout.
    """

    stdout: str = ""
    stderr: str = ""
    retcode: int = 0
    takes: float = 0.0  # seconds of the fake clock
    writes: dict[str, str] = {}
    removes: list[str] = []
    keeps: str = ""
    shows: str = ""
    when: dict[str, Any] = {}


class Page(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a web server answers at a URL."""

    status: int = 200
    body: Any = ""  # text or bytes
    headers: dict[str, str] = {}


def interface(name: str, *addresses: str, up: bool = True, hardware: str = "") -> Interface:
    """Return an interface with addresses written as ``192.0.2.1/24``."""
    import ipaddress

    found = []
    for written in addresses:
        parsed = ipaddress.ip_interface(written)
        broadcast = str(parsed.network.broadcast_address) if parsed.version == 4 else ""
        found.append(
            Address(
                family="inet" if parsed.version == 4 else "inet6",
                address=str(parsed.ip),
                prefix=parsed.network.prefixlen,
                broadcast=broadcast,
                label=name,
            )
        )
    return Interface(name=name, up=up, hardware=hardware, mtu=1500, addresses=tuple(found))


def file(given: Any) -> File:
    """Return what a test wrote of a file."""
    return File(content=given) if isinstance(given, str | bytes) else msgspec.convert(given, File)


def program(given: Any) -> Program:
    """Return what a test wrote of a program."""
    return Program(stdout=given) if isinstance(given, str) else msgspec.convert(given, Program)


def kind(one: File) -> Kind:
    """Return what kind of entry a file is."""
    if one.node:
        return "pipe" if one.node == "pipe" else "device"
    return "link" if one.link else "file"


def page(given: Any) -> Page:
    """Return what a test wrote of a page."""
    return Page(body=given) if isinstance(given, str | bytes) else msgspec.convert(given, Page)
