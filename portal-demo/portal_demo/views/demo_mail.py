"""The mails of the demo, which has no mail server: a page for who tries the portal out."""

from __future__ import annotations

from aiohttp import web

from portal_demo.mail.outbox import STATUS_LABELS, Status, mails
from portal_demo.pages import PORTAL, render

PATH = "/demo/mail"
SHOWN = 50


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the page."""
    router.add_get(PATH, show)


async def show(request: web.Request) -> web.StreamResponse:
    """Show the newest mails, whoever they are for."""
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        found = await mails(db, limit=SHOWN)
    return render(
        request,
        "demo_mail.html",
        screen="demo-mail",
        mails=found,
        labels={status.value: label for status, label in STATUS_LABELS.items()},
        tones={Status.SENT: "ok", Status.FAILED: "error"},
    )
