"""送信メール: what the portal has written to people, and how far it has come."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import select

from portal_demo.mail.models import Mail
from portal_demo.mail.outbox import STATUS_LABELS, Status, try_again
from portal_demo.office.audit import Action
from portal_demo.office.errors import EntryUnknown
from portal_demo.office.paging import next_page, one_of, page_of, row_id
from portal_demo.office.roles import Permission
from portal_demo.office.views.desk import Desk, Route, see_other

_PATH = "/office/mail"
_ONE = f"{_PATH}/{{id:[0-9]{{1,9}}}}"
_NAMES = {status.value: label for status, label in STATUS_LABELS.items()}


async def show_list(desk: Desk) -> web.StreamResponse:
    """Show a page of the mails, the newest first."""
    query = desk.request.query
    status = one_of(_NAMES, query.get("status"))
    wanted = select(Mail.id, Mail)
    if status:
        wanted = wanted.where(Mail.status == status)
    async with desk.transaction() as db:
        page = await page_of(
            db, wanted, Mail.id, row_id(query.get("after")), newest=True, line=lambda row: row[1]
        )
    return desk.render(
        "mails.html",
        screen="mails",
        page=page,
        chosen=status,
        names=_NAMES,
        address=next_page(_PATH, {"status": status}),
    )


async def show(desk: Desk) -> web.StreamResponse:
    """Show one mail; the text of one that holds a link is for its recipient alone."""
    async with desk.transaction() as db:
        mail = await db.get(Mail, _id(desk))
    if mail is None:
        raise EntryUnknown
    return desk.render(
        "mail.html", screen="mail", mail=mail, names=_NAMES, failed=mail.status == Status.FAILED
    )


async def send_again(desk: Desk) -> web.StreamResponse:
    """Let a mail that failed be sent once more."""
    async with desk.transaction() as db:
        if not await try_again(db, _id(desk), desk.now):
            raise EntryUnknown
        await desk.record(db, Action.MAIL_AGAIN, str(_id(desk)))
    return see_other(f"{_PATH}/{_id(desk)}")


def _id(desk: Desk) -> int:
    return int(desk.request.match_info["id"])


ROUTES = (
    Route("GET", _PATH, Permission.READ_MAIL, show_list),
    Route("GET", _ONE, Permission.READ_MAIL, show),
    Route("POST", f"{_ONE}/again", Permission.READ_MAIL, send_again),
)
