"""操作記録: who did what."""

from __future__ import annotations

from aiohttp import web

from portal_demo.office import audit
from portal_demo.office.audit import Search
from portal_demo.office.paging import next_page
from portal_demo.office.roles import Permission
from portal_demo.office.views.desk import Desk, Route

_PATH = "/office/audit"


async def show(desk: Desk) -> web.StreamResponse:
    """Show a page of the audit, the newest first, and whether its chain is whole."""
    search = Search.parse(desk.request.query)
    async with desk.transaction() as db:
        page = await audit.find(db, search)
        broken = await audit.first_break(db) if desk.request.query.get("check") else None
        head = await audit.head(db)
    return desk.render(
        "audit.html",
        screen="audit",
        search=search,
        page=page,
        words=audit,
        checked="check" in desk.request.query,
        broken=broken,
        head=head,
        address=next_page(_PATH, search.query()),
    )


ROUTES = (Route("GET", _PATH, Permission.READ_AUDIT, show),)
