"""Who is at the other end of the Unix socket: the kernel knows, nobody needs to say."""

from __future__ import annotations

import asyncio
import functools
import os
import pwd
import socket
import struct

from saltern.foundation.errors import NotAllowed
from saltern.identity.authorise import Principal, local_principal

_CREDENTIALS = struct.Struct("3i")


def peer_uid(transport: asyncio.BaseTransport | None) -> int:
    """Return the user id that opened the connection. Raises NotAllowed when the kernel does not say."""
    channel = transport.get_extra_info("socket") if transport is not None else None
    if channel is None or not hasattr(socket, "SO_PEERCRED"):
        raise NotAllowed("it cannot be known who is asking", hint="use the Unix socket, on Linux")
    raw = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _process, user, _group = _CREDENTIALS.unpack(raw)
    return int(user)


def principal(transport: asyncio.BaseTransport | None, service_uid: int | None = None) -> Principal:
    """Return who asks. ``service_uid`` is the user the controller runs as (None: this process's)."""
    user = peer_uid(transport)
    return local_principal(user, _user_name(user), os.geteuid() if service_uid is None else service_uid)


@functools.lru_cache(maxsize=1024)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
