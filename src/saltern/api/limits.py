"""How much of the controller one client may take."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """Sizes are bytes, times seconds."""

    body: int = 1024 * 1024
    header_time: float = 30.0  # from connecting, or from the last answer, to a whole request header
    body_time: float = 30.0
    quiet: float = 15.0  # silence on a stream after which a sign of life is sent
    stall: float = 300.0  # a client that takes nothing for so long is left
    strangers: int = 16  # connections at once of a user who may do nothing here
