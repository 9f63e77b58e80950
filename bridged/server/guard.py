"""Who may speak to the daemon at all, decided before anything else is looked at."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from bridged.sites.origins import Origin, is_loopback
from bridged.sites.policy import PROGRAM_GRANTS, Site, SitePolicy

REQUEST_S = 20.0
"""So long the head of a request may take, then its body; and a socket is kept for the next."""

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
    """Refuse a foreign Host, and what other pages fetch; put the security headers on every answer."""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    if sockname is None or not host_is_ours(request.headers.get("Host", ""), sockname[1]):
        text = "This is not the host you look for.\n"
        return web.Response(status=403, text=text, headers=HEADERS)
    try:
        if _fetched_elsewhere(request):
            raise web.HTTPForbidden(text="A page elsewhere may open this page, not fetch it.\n")
        await _read(request)
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    if not response.prepared:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
    return response


def _fetched_elsewhere(request: web.Request) -> bool:
    """Whether another page wants this, for anything but the socket or to show it to the person.

    It could read no answer; it could keep the daemon busy.
    """
    headers = request.headers
    if request.path == "/v1" or headers.get("Sec-Fetch-Site") not in {"cross-site", "same-site"}:
        return False
    return (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")) != (
        "navigate",
        "document",
    )


async def _read(request: web.Request) -> None:
    """Wait for the body, so long and no longer; no handler waits for it after that."""
    if not request.can_read_body:
        return
    try:
        async with asyncio.timeout(REQUEST_S):
            await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="The request did not come to its end.\n") from None


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
