"""``salt.utils.validate.net``: addresses."""

from __future__ import annotations

import re

from saltern.engine.legacy.compat.utils.network import is_ipv4, is_ipv6

ipv4_addr, ipv6_addr = is_ipv4, is_ipv6


def mac(addr: str) -> bool:
    """Tell whether text is a hardware address."""
    return re.fullmatch(r"[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(\1[0-9a-fA-F]{2}){4}", addr) is not None


def ip_addr(addr: str) -> bool:
    """Tell whether text is an address."""
    return is_ipv4(addr) or is_ipv6(addr)


def netmask(mask: str) -> bool:
    """Tell whether text is a mask."""
    if not is_ipv4(mask):
        return False
    bits = "".join(f"{int(one):08b}" for one in mask.split("."))
    return "01" not in bits
