"""Where a one-time link leads: somebody sets a password of their own."""

from __future__ import annotations

from aiohttp import web

from portal_demo import sessions
from portal_demo.fields import USER_FORM
from portal_demo.language import Text
from portal_demo.models import User
from portal_demo.office import audit
from portal_demo.office.audit import Action
from portal_demo.office.links import PATH, find_link, use_link
from portal_demo.office.models import Officer, OneTimeLink
from portal_demo.office.officers import PASSWORD_FAULT, key_of, password_fault
from portal_demo.office.views.desk import LOG_IN, actor_of
from portal_demo.pages import PORTAL, render
from portal_demo.users import forget_guesses, guess_key, hash_password
from portal_demo.validation import fault
from portal_demo.views.common import read_form

DIFFERENT = Text(
    "新しいパスワードと新しいパスワード（確認）が一致しません。同じパスワードを入力して下さい。",
    "Enter the same password twice.",
)
_USER_PASSWORD = next(field for field in USER_FORM.fields if field.name == "password")


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the page; the link is what one needs to see it."""
    address = f"{PATH}/{{token:[A-Za-z0-9_-]{{43}}}}"
    router.add_get(address, show)
    router.add_post(address, set_password)


async def show(request: web.Request) -> web.StreamResponse:
    """Ask for the new password. Raises LinkUnknown."""
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        link = await find_link(db, request.match_info["token"], portal.clock())
    return _page(request, link, None)


async def set_password(request: web.Request) -> web.StreamResponse:
    """Set it, and end what was open with the one before. Raises LinkUnknown."""
    portal = request.app[PORTAL]
    posted = await read_form(request)
    password = posted.get("password", "")
    async with portal.database.transaction() as db:
        link = await find_link(db, request.match_info["token"], portal.clock())
        officer = await db.get(Officer, link.officer_id) if link.officer_id else None
    wrong = password_fault(officer.login, password) if officer else fault(_USER_PASSWORD, password)
    if wrong is None and posted.get("again", "") != password:
        wrong = DIFFERENT
    if wrong:
        return _page(request, link, wrong)
    password_hash = await hash_password(password)
    async with portal.database.transaction() as db:
        await sessions.hold_access(db, user_id=link.user_id, officer_id=link.officer_id)
        await use_link(db, link)
        if officer:
            officer = await db.get_one(Officer, officer.id)
            await sessions.end_all(db, officer_id=officer.id)
            officer.password_hash = password_hash
            actor = actor_of(request, officer.login)
            await audit.record(db, actor, Action.PASSWORD_SET, officer.login, now=portal.clock())
            await forget_guesses(db, key_of(officer.login))
        else:
            user = await db.get_one(User, link.user_id)
            await sessions.end_all(db, user_id=user.id)
            user.password_hash = password_hash
            await forget_guesses(db, guess_key(user.company_number, user.name))
    return render(
        request,
        "password_set.html",
        screen="password-set",
        next=LOG_IN if officer else "/small/search",
    )


def _page(request: web.Request, link: OneTimeLink, wrong: Text | None) -> web.Response:
    return render(
        request,
        "password.html",
        screen="password",
        status=422 if wrong else 200,
        fault=wrong,
        note=PASSWORD_FAULT if link.officer_id else _USER_PASSWORD.note,
    )
