"""Who may speak to the daemon at all, decided before anything else is looked at."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from bridged.sites.origins import Origin, is_loopback
from bridged.sites.policy import PROGRAM_GRANTS, Site, SitePolicy

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTENT_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of whatever is no page of ours: nothing is loaded, run or shown in a frame by it."""
PERMISSIONS = "camera=(), geolocation=(), microphone=()"

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": f"{PERMISSIONS}, loopback-network=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def host_is_ours(host: str, port: int) -> bool:
    """Whether a Host header names loopback and our port: any other is DNS rebinding."""
    name, colon, number = host.rpartition(":")
    return bool(colon) and number == str(port) and is_loopback(name.lower())


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a foreign Host, and put the security headers on every answer."""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    if sockname is None or not host_is_ours(request.headers.get("Host", ""), sockname[1]):
        text = "This is not the host you look for.\n"
        return web.Response(status=403, text=text, headers=HEADERS)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    if not response.prepared:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
    return response


def is_program(request: web.Request, token: str) -> bool:
    """Whether no page asks, but a program that brings the token."""
    given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
    known = hmac.compare_digest(given, f"Bearer {token}".encode())
    return known and "Origin" not in request.headers


def identify(request: web.Request, policy: SitePolicy, token: str) -> Site | Origin | None:
    """Return who connects: a site, an origin that is not allowed here, or None for nobody.

    A page is its Origin, compared exactly. Without one it is a program, which must bring the
    token; only this user can read it.
    """
    origins = request.headers.getall("Origin", [])
    if not origins:
        return Site(None, PROGRAM_GRANTS) if is_program(request, token) else None
    origin = Origin.parse(origins[0]) if len(origins) == 1 else None
    if origin is None:
        return None
    return policy.site(origin.text) or origin
