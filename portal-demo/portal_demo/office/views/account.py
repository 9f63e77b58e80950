"""An officer's own account: how they log in, another password, and new recovery codes."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import sessions
from portal_demo.errors import LockedOut, PersonError
from portal_demo.office.audit import Action
from portal_demo.office.errors import PasswordNotTheirs, PasswordUnfit
from portal_demo.office.models import Officer
from portal_demo.office.officers import (
    PASSWORD_FAULT,
    check_own_password,
    password_fault,
    unchanged,
)
from portal_demo.office.recovery import COUNT, codes_left, new_codes
from portal_demo.office.roles import Permission
from portal_demo.office.views.desk import Desk, Route, see_other
from portal_demo.office.views.password import DIFFERENT
from portal_demo.users import hash_password

_PATH = "/office/account"
_CODES = f"{_PATH}/recovery-codes"


async def show(desk: Desk) -> web.StreamResponse:
    """Show the officer's own account."""
    return await _page(desk, None)


async def change(desk: Desk) -> web.StreamResponse:
    """Set another password, and end what is open elsewhere."""
    old, new = desk.fields.get("old", ""), desk.fields.get("password", "")
    fault = password_fault(desk.officer.login, new)
    if fault is None and desk.fields.get("again", "") != new:
        fault = DIFFERENT
    if fault:
        return await _page(desk, PasswordUnfit(why=fault))
    try:
        await check_own_password(desk.portal.database, desk.officer, old, desk.portal.clock)
        password_hash = await hash_password(new)
        async with desk.transaction() as db:
            await _require_unchanged(desk, db)
            await sessions.end_all(db, officer_id=desk.officer.id, but=desk.session)
            (await db.get_one(Officer, desk.officer.id)).password_hash = password_hash
            await desk.record(db, Action.PASSWORD_SET, desk.officer.login)
    except (LockedOut, PasswordNotTheirs) as error:
        return await _page(desk, error)
    return see_other(f"{_PATH}?changed=1")


async def _require_unchanged(desk: Desk, db: AsyncSession) -> None:
    """Hold the officer's access as it was when the request came. Raises PasswordNotTheirs."""
    await sessions.hold_access(db, officer_id=desk.officer.id)
    if not await unchanged(db, desk.officer):
        raise PasswordNotTheirs


async def _page(desk: Desk, error: PersonError | None) -> web.Response:
    return desk.render(
        "account.html",
        screen="account",
        status=error.status if error else 200,
        error=error,
        note=PASSWORD_FAULT,
        changed="changed" in desk.request.query,
        codes_left=await _codes_left(desk),
    )


async def ask_for_codes(desk: Desk) -> web.StreamResponse:
    """Tell what new codes do, and ask for the password."""
    return await _ask(desk, None)


async def make_codes(desk: Desk) -> web.StreamResponse:
    """Make a new set, which takes the place of the one before."""
    password, clock = desk.fields.get("password", ""), desk.portal.clock
    if not desk.officer.totp_enrolled:
        return see_other(_PATH)
    try:
        await check_own_password(desk.portal.database, desk.officer, password, clock)
        async with desk.transaction() as db:
            await _require_unchanged(desk, db)
            codes = await give_codes(desk, db)
    except (LockedOut, PasswordNotTheirs) as error:
        return await _ask(desk, error)
    return show_codes(desk, codes)


async def give_codes(desk: Desk, db: AsyncSession) -> list[str]:
    """Make a new set for the officer, and write down that they have it."""
    codes = await new_codes(db, desk.officer.id)
    await desk.record(db, Action.RECOVERY_CODES_MADE, desk.officer.login)
    return codes


def show_codes(desk: Desk, codes: Sequence[str]) -> web.Response:
    """Show a new set, once."""
    return desk.render("recovery_codes.html", screen="recovery-codes", codes=codes)


async def _ask(desk: Desk, error: PersonError | None) -> web.StreamResponse:
    if not desk.officer.totp_enrolled:
        return see_other(_PATH)
    return desk.render(
        "recovery_ask.html",
        screen="recovery-ask",
        status=error.status if error else 200,
        error=error,
        count=COUNT,
        codes_left=await _codes_left(desk),
    )


async def _codes_left(desk: Desk) -> int:
    async with desk.transaction() as db:
        return await codes_left(db, desk.officer.id)


ROUTES = (
    Route("GET", _PATH, Permission.OWN_ACCOUNT, show),
    Route("POST", _PATH, Permission.OWN_ACCOUNT, change),
    Route("GET", _CODES, Permission.OWN_ACCOUNT, ask_for_codes),
    Route("POST", _CODES, Permission.OWN_ACCOUNT, make_codes),
)
