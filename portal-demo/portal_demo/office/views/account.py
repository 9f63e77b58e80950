"""An officer's own account: how they log in, and another password."""

from __future__ import annotations

from aiohttp import web

from portal_demo import sessions
from portal_demo.errors import LockedOut, PersonError
from portal_demo.office.audit import Action
from portal_demo.office.errors import PasswordNotTheirs, PasswordUnfit
from portal_demo.office.officers import PASSWORD_FAULT, change_password, password_fault
from portal_demo.office.roles import Permission
from portal_demo.office.views.desk import Desk, Route, see_other
from portal_demo.office.views.password import DIFFERENT

_PATH = "/office/account"


async def show(desk: Desk) -> web.StreamResponse:
    """Show the officer's own account."""
    return _page(desk, None)


async def change(desk: Desk) -> web.StreamResponse:
    """Set another password, and end what is open elsewhere."""
    old, new = desk.fields.get("old", ""), desk.fields.get("password", "")
    fault = password_fault(desk.officer.login, new)
    if fault is None and desk.fields.get("again", "") != new:
        fault = DIFFERENT
    if fault:
        return _page(desk, PasswordUnfit(why=fault))
    try:
        await change_password(desk.portal.database, desk.officer, old, new, desk.portal.clock)
    except (LockedOut, PasswordNotTheirs) as error:
        return _page(desk, error)
    async with desk.transaction() as db:
        await sessions.end_all(db, officer_id=desk.officer.id, but=desk.session)
        await desk.record(db, Action.PASSWORD_SET, desk.officer.login)
    return see_other(f"{_PATH}?changed=1")


def _page(desk: Desk, error: PersonError | None) -> web.Response:
    return desk.render(
        "account.html",
        screen="account",
        status=error.status if error else 200,
        error=error,
        note=PASSWORD_FAULT,
        changed="changed" in desk.request.query,
    )


ROUTES = (
    Route("GET", _PATH, Permission.OWN_ACCOUNT, show),
    Route("POST", _PATH, Permission.OWN_ACCOUNT, change),
)
