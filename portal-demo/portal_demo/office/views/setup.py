"""Enrol an authenticator app: the first thing an officer who came by a password has to do."""

from __future__ import annotations

from aiohttp import web

from portal_demo import sessions
from portal_demo.office import totp
from portal_demo.office.audit import Action
from portal_demo.office.errors import CodeWrong
from portal_demo.office.models import Officer
from portal_demo.office.officers import begin_enrolment, enrol
from portal_demo.office.roles import Permission
from portal_demo.office.views.account import give_codes, show_codes
from portal_demo.office.views.desk import HOME, SET_UP, Desk, Route, see_other


async def show(desk: Desk) -> web.StreamResponse:
    """Show the secret, to scan or to type, until it is enrolled."""
    if desk.officer.totp_enrolled:
        return see_other(HOME)
    return await _page(desk, None)


async def finish(desk: Desk) -> web.StreamResponse:
    """Take the first code."""
    if desk.officer.totp_enrolled:
        return see_other(HOME)
    try:
        async with desk.transaction() as db:
            await sessions.hold_access(db, officer_id=desk.officer.id)
            # Who came by the password alone, elsewhere, is not let in by this code.
            await sessions.end_all(db, officer_id=desk.officer.id, but=desk.session)
            officer = await db.get_one(Officer, desk.officer.id)
            await enrol(db, desk.portal.vault, officer, desk.fields.get("code", ""), desk.now)
            codes = await give_codes(desk, db)
            await desk.record(db, Action.TOTP_ENROLLED, officer.login)
    except CodeWrong as error:
        return await _page(desk, error)
    return show_codes(desk, codes)


async def _page(desk: Desk, error: CodeWrong | None) -> web.Response:
    async with desk.transaction() as db:
        officer = await db.get_one(Officer, desk.officer.id)
        secret = await begin_enrolment(db, desk.portal.vault, officer)
    return desk.render(
        "setup.html",
        screen="setup",
        status=error.status if error else 200,
        error=error,
        secret=secret,
        qr_code=totp.qr_code(totp.uri(secret, officer.login)),
    )


ROUTES = (
    Route("GET", SET_UP, Permission.OWN_ACCOUNT, show, unready=True),
    Route("POST", SET_UP, Permission.OWN_ACCOUNT, finish, unready=True),
)
