"""Sockets, from the kernel's tables."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator

import msgspec

from saltern.sdk import Host

_STATES = (
    *("", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE"),
    *("CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"),
)
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104  shown, never bound


class Socket(msgspec.Struct, frozen=True, kw_only=True):
    """One row of /proc/net/tcp and its like."""

    protocol: str
    local: tuple[str, int]
    remote: tuple[str, int]
    state: str
    receiving: int  # bytes waiting
    sending: int
    uid: int
    inode: int

    @property
    def is_tcp(self) -> bool:
        """Tell TCP from UDP, which has no connections."""
        return self.protocol.startswith("tcp")

    def shown(self) -> dict[str, str]:
        """Return the row as netstat(8) writes it."""
        found = {
            "proto": self.protocol,
            "recv-q": str(self.receiving),
            "send-q": str(self.sending),
            "local-address": _written(*self.local),
            "remote-address": _written(*self.remote),
        }
        state = {"state": self.state} if self.is_tcp else {}
        return found | state | {"user": str(self.uid), "inode": str(self.inode)}

    def ends(self) -> dict[str, str | int]:
        """Return both ends of a connection."""
        return {
            "local_addr": self.local[0],
            "local_port": self.local[1],
            "remote_addr": self.remote[0],
            "remote_port": self.remote[1],
        }


def sockets(host: Host) -> Iterator[Socket]:
    """Yield the TCP and UDP sockets of both address families."""
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in host.text(f"/proc/net/{protocol}", "").splitlines()[1:]:
            yield _row(protocol, line.split())


def _row(protocol: str, words: list[str]) -> Socket:
    sending, receiving = (int(word, 16) for word in words[4].split(":"))
    number = int(words[3], 16)
    return Socket(
        protocol=protocol,
        local=_end(words[1]),
        remote=_end(words[2]),
        state=_STATES[number] if number < len(_STATES) else str(number),
        receiving=receiving,
        sending=sending,
        uid=int(words[7]),
        inode=int(words[9]),
    )


def _end(text: str) -> tuple[str, int]:
    """Read ``0100007F:0016``: the address in words of the machine's byte order, the port as written."""
    address, _, port = text.partition(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))), int(port, 16)


def _written(address: str, port: int) -> str:
    anybody = address in _ANYWHERE and port == 0
    return f"{address}:*" if anybody else f"{address}:{port}"
