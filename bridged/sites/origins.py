"""Origins: who a page is, by what its browser sends (RFC 6454, section 6.2; Fetch)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
# Hosts that a browser takes for an address and so never leaves in any other form (URL, 3.5).
_NUMBERS = re.compile(r"\[.*|(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_DEFAULT_PORT = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """A serialised origin that may be allowed: https, or http on loopback for development."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Accept just what browsers serialise; None for anything else.

        A default port, upper case, user information, a trailing dot or slash and `null` are no
        origin any browser sends for a page that may be trusted.
        """
        match = _ORIGIN.fullmatch(text)
        if match is None or len(text) > 300:
            return None
        scheme, host, port = match["scheme"], match["host"], match["port"]
        if port is not None and (int(port) > 65535 or int(port) == _DEFAULT_PORT[scheme]):
            return None
        if ".." in host or (_NUMBERS.fullmatch(host) and _address(host) is None):
            return None
        if scheme == "http" and not is_loopback(host):
            return None
        return cls(text)

    def __str__(self) -> str:
        return self.text


def is_loopback(host: str) -> bool:
    """Whether a host, IPv6 in brackets, is `localhost` or a loopback address."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is, written as browsers write it; None for anything else."""
    try:
        if not host.startswith("["):
            return ipaddress.IPv4Address(host)
        address = ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return None
    plain = address.scope_id is None and address.ipv4_mapped is None
    return address if plain and host == f"[{address}]" else None
