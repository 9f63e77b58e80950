"""Whose request it is, behind a proxy: what a listed proxy says of it, and what nobody else may."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

Header = Literal["X-Forwarded-For", "Forwarded"]

_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*"?([^";]*)"?', re.IGNORECASE)
_PORT = re.compile(r"^(?:\[([^\]]*)\]|([0-9.]+))(?::[0-9]+)?$")


def networks(texts: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return what a setting lists: addresses, or networks as `10.0.0.0/8`. Raises ValueError."""
    return tuple(map(ip_network, texts))


def middleware(trusted: Iterable[str], header: Header) -> Middleware:
    """Return a middleware that gives a request the `remote` that `trusted` proxies say it is of.

    One header alone is read, since a proxy passes the other one on as the browser sent it.
    """
    listed = networks(trusted)

    @web.middleware
    async def unwrap(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = ",".join(request.headers.getall(header, ()))
        hops = given.split(",")  # also within quotes, which a browser may have left open
        if header == "Forwarded":
            hops = [found[1] if (found := _FOR.search(hop)) else "" for hop in hops]
        remote = origin_of(request.remote or "", hops, listed)
        return await handler(request.clone(remote=remote) if remote != request.remote else request)

    return unwrap


def origin_of(remote: str, hops: list[str], trusted: tuple[IPv4Network | IPv6Network, ...]) -> str:
    """Go back from proxy to proxy as long as the one that says where it came from is trusted.

    `hops` are the addresses of the header, the last one added by `remote`. What is no address ends
    it: the nearest proxy that was read is the answer then.
    """
    for hop in reversed(hops):
        before = _address(hop)
        at = _address(remote)
        if before is None or at is None or not any(at in network for network in trusted):
            break
        remote = str(before)
    return remote


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address with or without a port; an IPv4 address within IPv6 is that address."""
    text = text.strip()
    bare = _PORT.match(text)
    try:
        address = ip_address((bare[1] or bare[2]) if bare else text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
