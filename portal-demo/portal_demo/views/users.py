"""少額物品, without a card: 利用者情報検索 (which logs in), and the confirmation's 変更."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from portal_demo import csrf, documents, sessions
from portal_demo.applications import find_confirmed, store
from portal_demo.documents import ApplicationDocument
from portal_demo.drafts import find_draft, load_form, open_draft, require_confirmation
from portal_demo.errors import (
    CompanyUnknown,
    LockedOut,
    NobodyRegistered,
    NumberMerged,
    PasswordWrong,
    SessionEnded,
)
from portal_demo.fields import USER_SEARCH_FIELDS
from portal_demo.language import Text, language_of
from portal_demo.models import Company, MergedNumber, Session, User
from portal_demo.pages import PORTAL, render
from portal_demo.procedures import USER_CHANGE, USER_STEP
from portal_demo.status import Status
from portal_demo.users import check_password, require_unchanged
from portal_demo.validation import check
from portal_demo.views.common import cookie_of, find_session, read_form, require_login
from portal_demo.views.receipt import receipt_path

_FIELD_OF = {
    CompanyUnknown: "number",
    NumberMerged: "number",
    NobodyRegistered: "number",
    PasswordWrong: "password",
    LockedOut: "password",
}


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 6, and the request of screen 8."""
    router.add_get(USER_CHANGE.entry, show)
    router.add_post(USER_CHANGE.entry, log_in)
    router.add_post(f"{USER_CHANGE.root}/confirm", accept)


async def show(request: web.Request) -> web.StreamResponse:
    """Show the search; a browser without a session gets one."""
    portal = request.app[PORTAL]
    cookie = None
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        if session is None:
            session, cookie = await sessions.start(db, portal.clock)
    response = _page(request, session, {}, {})
    if cookie:
        sessions.set_cookie(response, cookie, https=portal.settings.https)
    return response


async def log_in(request: web.Request) -> web.StreamResponse:
    """Check number, user ID and password, and go on to the form."""
    portal = request.app[PORTAL]
    posted = await read_form(request)
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        if session is None:
            raise SessionEnded
        csrf.check_token(session, posted.get(csrf.FORM_FIELD))
    checked = check(USER_SEARCH_FIELDS, posted)
    if checked.faults:
        return _page(request, session, checked.values, checked.faults)
    try:
        company, user = await _find(request, checked.values)
        cookie, restored = await _welcome(request, session, company, user)
    except (CompanyUnknown, NumberMerged, NobodyRegistered, PasswordWrong, LockedOut) as e:
        faults = {_FIELD_OF[type(e)]: e.message()}
        return _page(request, session, checked.values, faults, reason=e.reason, status=e.status)
    response = web.HTTPSeeOther(f"{USER_CHANGE.root}/form" + ("?restored" if restored else ""))
    sessions.set_cookie(response, cookie, https=portal.settings.https)
    raise response


async def _welcome(
    request: web.Request, old: Session, company: Company, user: User
) -> tuple[str, bool]:
    """Give the browser a session of the user's; tell its cookie, and whether a draft was kept.

    Raises PasswordWrong if the password was changed since it was checked.
    """
    portal = request.app[PORTAL]
    async with portal.database.transaction() as db:
        await sessions.hold_access(db, user_id=user.id)
        await require_unchanged(db, user)
        session, cookie = await sessions.log_in(db, old, portal.clock, user_id=user.id)
        first = {**user.values, "qualification_name": company.name}
        restored = await open_draft(
            db, session, USER_CHANGE, company, first=first, clock=portal.clock
        )
    return cookie, restored


async def _find(request: web.Request, values: Mapping[str, str]) -> tuple[Company, User]:
    """Return company and user. Raises what `_FIELD_OF` lists."""
    portal = request.app[PORTAL]
    number = values["number"]
    async with portal.database.transaction() as db:
        if await db.get(MergedNumber, number):
            raise NumberMerged
        company = await db.get(Company, number)
    if company is None:
        raise CompanyUnknown
    user = await check_password(
        portal.database, number, values["user_id"], values["password"], portal.clock
    )
    return company, user


async def accept(request: web.Request) -> web.StreamResponse:
    """Store the confirmed change, once, and let it take effect."""
    portal = request.app[PORTAL]
    posted = await read_form(request)
    confirmation = posted.get("confirmation", "")
    async with portal.database.transaction() as db:
        # What a new password ends is held before the draft, for which its requests may wait.
        held = await sessions.hold_users(db, cookie_of(request))
        session = await require_login(request, db, USER_CHANGE)
        csrf.check_token(session, posted.get(csrf.FORM_FIELD))
        await find_draft(db, session, USER_CHANGE)  # another browser of the same user waits here
        application = await find_confirmed(db, session, confirmation)
        if application is None:
            found = await load_form(db, session, USER_CHANGE)
            form = require_confirmation(found, confirmation)
            user = await db.get_one(User, session.user_id)
            new_hash = form.draft.new_password_hash
            now = portal.clock()
            document = ApplicationDocument(
                procedure=USER_CHANGE.title.ja,
                procurement=USER_CHANGE.procurement,
                status=Status.CHANGED,
                origin=portal.settings.origin,
                company_number=form.company.number,
                difference_accepted=False,
                items=documents.items_of(USER_CHANGE.table, form.values),
                user=user.name,
                password_changed=new_hash is not None,
                confirmation=confirmation,
                time=now,
            )
            user.values = dict(form.draft.values)
            if new_hash:
                user.password_hash = new_hash
                await sessions.end_held(db, held, but=session)
            application = await store(
                db,
                session,
                form,
                document=document,
                content=document.canonical(),
                signatures=[],
                language=language_of(request),
                status=Status.CHANGED,
                now=now,
            )
    raise web.HTTPSeeOther(receipt_path(USER_CHANGE, application.number))


def _page(
    request: web.Request,
    session: Session,
    values: Mapping[str, str],
    faults: Mapping[str, Text],
    *,
    reason: str = "",
    status: int = 422,
) -> web.Response:
    shown = {f.name: "" if f.secret else values.get(f.name, "") for f in USER_SEARCH_FIELDS}
    return render(
        request,
        "user_search.html",
        screen=f"{USER_CHANGE.screens}6",
        step=USER_CHANGE.step(USER_STEP),
        session=session,
        status=status if faults else 200,
        fields=USER_SEARCH_FIELDS,
        values=shown,
        faults=faults,
        reason=reason,
    )
