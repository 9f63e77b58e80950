"""Headers that every answer carries, and one address for one portal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from portal_demo.settings import Settings

_LOOPBACK_NAMES = {"localhost", "[::1]", "127.0.0.1"}
STATIC_PREFIX = "/static/"


def headers_for(settings: Settings) -> dict[str, str]:
    """Return the security headers for the settings."""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        f"connect-src 'self' {settings.bridge_origin}",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    headers = {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    if settings.https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def header_signal(
    settings: Settings,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return a handler for `on_response_prepare`."""
    headers = headers_for(settings)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)
        static = request.path.startswith(STATIC_PREFIX)
        response.headers.setdefault("Cache-Control", "no-cache" if static else "no-store")

    return add_headers


def canonical_location(request: web.Request, origin: str) -> str | None:
    """Return where to go instead if a person typed another name of this computer.

    A card signs for the exact origin, so `localhost` must become the configured 127.0.0.1.
    Other names are left alone: a proxy may rewrite `Host`.
    """
    configured = urlsplit(origin)
    asked = urlsplit(f"//{request.host}")
    same = request.host == configured.netloc or asked.port != configured.port
    if same or configured.hostname != "127.0.0.1" or request.method != "GET":
        return None
    name = request.host.rpartition(":")[0] if asked.port else request.host
    return origin + str(request.rel_url) if name in _LOOPBACK_NAMES else None
