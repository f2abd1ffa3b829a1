"""The name service, asked with the program dig."""

from __future__ import annotations

from saltern.library import _dig
from saltern.sdk import Host

REQUIRES = ("dig",)

ALIASES = {"a": "A", "aaaa": "AAAA", "cname": "CNAME", "ns": "NS", "spf": "SPF", "mx": "MX"}


def check_ip(host: Host, addr: str) -> bool:
    """Tell whether a text is an IP address.

    Example:
        saltern run '*' dig.check_ip 127.0.0.1
    """
    return _dig.is_address(addr)


def A(host: Host, host_: str, nameserver: str | None = None) -> list[str]:
    """Return the IPv4 addresses of a name.

    Example:
        saltern run '*' dig.A www.example.com
    """
    return _dig.addresses(host, host_, "A", nameserver)


def AAAA(host: Host, host_: str, nameserver: str | None = None) -> list[str]:
    """Return the IPv6 addresses of a name.

    Example:
        saltern run '*' dig.AAAA www.example.com
    """
    return _dig.addresses(host, host_, "AAAA", nameserver)


def CNAME(host: Host, host_: str, nameserver: str | None = None) -> str:
    """Return the name that a name stands for; empty text where it stands for itself.

    Example:
        saltern run '*' dig.CNAME mail.example.com
    """
    return next(iter(_dig.ask(host, host_, "CNAME", nameserver)), "")


def ptr(host: Host, addr: str, nameserver: str | None = None) -> str:
    """Return the name of an address; empty text where it has none.

    Example:
        saltern run '*' dig.ptr 192.0.2.1
    """
    import ipaddress

    return next(iter(_dig.ask(host, ipaddress.ip_address(addr).reverse_pointer, "PTR", nameserver)), "")


def NS(host: Host, domain: str, resolve: bool = True, nameserver: str | None = None) -> list[str]:
    """Return the addresses of a domain's name servers; without ``resolve`` their names.

    Example:
        saltern run '*' dig.NS example.com
    """
    return _dig.servers(host, domain, resolve, nameserver)


def SPF(host: Host, domain: str, record: str = "TXT", nameserver: str | None = None) -> list[str]:
    """Return the networks that may send mail for a domain.

    Example:
        saltern run '*' dig.SPF example.com
    """
    return _dig.senders(host, domain, record, nameserver)


def MX(host: Host, domain: str, resolve: bool = False, nameserver: str | None = None) -> list[list[str]]:
    """Return a domain's mail servers: preference and name each, or with ``resolve`` its address.

    Example:
        saltern run '*' dig.MX example.com
    """
    return _dig.exchangers(host, domain, resolve, nameserver)


def TXT(host: Host, host_: str, nameserver: str | None = None) -> list[str]:
    """Return the texts of a name.

    Example:
        saltern run '*' dig.TXT example.com
    """
    return _dig.texts(host, host_, nameserver)
