"""入札情報サービス: notices for everybody, without a log-in."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from portal_demo import notices
from portal_demo.errors import PageUnknown
from portal_demo.models import Notice
from portal_demo.notices import Search
from portal_demo.pages import PORTAL, render

PATH = "/bid-information"


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the list and the page of a notice."""
    router.add_get(PATH, show_list)
    router.add_get(f"{PATH}/{{number:[A-Z]{{2}}-[0-9]{{4}}-[0-9]{{4}}}}", show_notice)


async def show_list(request: web.Request) -> web.StreamResponse:
    """Show a page of what was searched for, or of everything."""
    portal = request.app[PORTAL]
    search = Search.parse(request.query)
    async with portal.database.transaction() as db:
        found = await notices.find(db, search)
    return render(
        request,
        "notices.html",
        screen="bid-information",
        search=search,
        found=found,
        words=notices,
        address=lambda page: _address(search, page),
    )


async def show_notice(request: web.Request) -> web.StreamResponse:
    """Show one notice. Raises PageUnknown."""
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        notice = await db.get(Notice, request.match_info["number"])
    if notice is None:
        raise PageUnknown
    return render(
        request,
        "notice.html",
        screen="bid-notice",
        notice=notice,
        words=notices,
        back=_address(Search.parse(request.query), 0),
        open=notice.deadline is not None and notice.deadline > portal.clock(),
    )


def _address(search: Search, page: int) -> str:
    query = urlencode(search.query(page or search.page))
    return f"{PATH}?{query}" if query else PATH
