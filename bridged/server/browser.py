"""What the status page finds out about its browser, as findings of the doctor."""

from __future__ import annotations

from aiohttp import web

from bridged.doctor.page import Seen, page
from bridged.server import findings
from bridged.server.pages import language
from bridged.server.sites import told_by_page

PROXIES = ("Via", "Forwarded", "X-Forwarded-For", "Proxy-Connection")
"""What a proxy leaves in a request (RFC 9110, 7.6.3; RFC 7239)."""


async def check(request: web.Request) -> web.Response:
    """Return the findings as list items: those that need attention, and the others."""
    seen = await told_by_page(request, Seen)
    found = list(page(seen, proxied=any(name in request.headers for name in PROXIES)))
    lang = language(request)
    problems, goods = (findings.rows(found, lang, good=good) for good in (False, True))
    return web.json_response({"problems": problems, "goods": goods})
