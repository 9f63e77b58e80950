"""What every screen of the office gets: an officer who may see it, and a checked request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import csrf, sessions
from portal_demo.errors import CsrfRefused, PortalError, SessionEnded, Unavailable
from portal_demo.language import Text
from portal_demo.models import Session
from portal_demo.office import audit
from portal_demo.office.audit import Action, Actor
from portal_demo.office.errors import Forbidden
from portal_demo.office.models import Officer
from portal_demo.office.officers import ready
from portal_demo.office.roles import ROLE_NAMES, Permission, Role, allowed
from portal_demo.pages import PORTAL, Portal, render
from portal_demo.sessions import Realm
from portal_demo.views.common import check_header_token, find_session, read_form

LOG_IN = "/office/login"
SET_UP = "/office/setup"
HOME = "/office/applications"
_MAX_TOKEN = 256

# address, name, what one must be allowed to do, icon
NAVIGATION: tuple[tuple[str, Text, Permission, str], ...] = (
    (HOME, Text("申請", "Applications"), Permission.READ_APPLICATIONS, "inbox"),
    ("/office/questions", Text("質問", "Questions"), Permission.READ_QUESTIONS, "chat"),
    ("/office/users", Text("利用者", "Users"), Permission.READ_USERS, "user"),
    ("/office/register", Text("資格審査情報", "Register"), Permission.CHANGE_REGISTER, "box"),
    ("/office/mail", Text("送信メール", "Mail"), Permission.READ_MAIL, "mail"),
    ("/office/officers", Text("担当者", "Officers"), Permission.MANAGE_OFFICERS, "users"),
    ("/office/audit", Text("操作記録", "Audit"), Permission.READ_AUDIT, "list"),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """A request of an officer who is logged in.

    `fields` is the form that was posted; of one with a file, `upload` gives what follows the token.
    """

    request: web.Request
    portal: Portal
    session: Session
    officer: Officer
    fields: Mapping[str, str]
    upload: MultipartReader | None = None

    @property
    def now(self) -> datetime:
        """Return the present moment."""
        return self.portal.clock()

    def may(self, permission: Permission) -> bool:
        """Tell whether the officer's role allows something."""
        return allowed(self.officer.role, permission)

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Return a transaction, which is undone on an exception."""
        return self.portal.database.transaction()

    async def record(
        self, db: AsyncSession, action: Action, subject: str, detail: str = ""
    ) -> None:
        """Write into the audit what the officer does, in the same transaction."""
        actor = actor_of(self.request, self.officer.login)
        await audit.record(db, actor, action, subject, now=self.now, detail=detail)

    def render(
        self, template: str, *, screen: str, status: int = 200, **values: Any
    ) -> web.Response:
        """Render a screen of the office."""
        return render(
            self.request,
            f"office/{template}",
            screen=f"office-{screen}",
            session=self.session,
            status=status,
            officer=self.officer,
            role=ROLE_NAMES[Role(self.officer.role)],
            navigation=self._navigation(),
            may=self.may,
            permissions=Permission,
            **values,
        )

    def _navigation(self) -> list[tuple[str, Text, Permission, str]]:
        working = ready(self.officer, self.session)
        return [entry for entry in NAVIGATION if working and self.may(entry[2])]


Screen = Callable[[Desk], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """A screen or an action, and what one must be allowed to do.

    `unready` is for what an officer needs before they have a second factor; an `upload` is a form
    whose first field is the token and whose second is a file.
    """

    method: str
    path: str
    permission: Permission
    screen: Screen
    unready: bool = False
    upload: bool = False


def add_guarded(router: web.UrlDispatcher, routes: Iterable[Route]) -> None:
    """Add screens that nobody reaches without the permission.

    Who comes back to the address of an action, by switching the language of its refusal, gets to
    the screen that it was on.
    """
    routes = tuple(routes)
    shown = {route.path for route in routes if route.method == "GET"}
    for route in routes:
        router.add_route(route.method, route.path, _guarded(route))
        if route.path not in shown and not route.path.startswith("/api/"):
            router.add_get(route.path, _back)


def actor_of(request: web.Request, login: str) -> Actor:
    """Name somebody for the audit."""
    return Actor(login, request.remote or "")


def see_other(path: str) -> web.Response:
    """Return the answer that leads to a page; the transaction around it is kept."""
    return web.Response(status=303, headers={"Location": path})


async def _back(request: web.Request) -> web.StreamResponse:
    return see_other(request.path.rpartition("/")[0])


def _guarded(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        portal = request.app[PORTAL]
        fields = await _fields(request, route)
        session, officer = await _who(request)
        if session is None or officer is None:
            if request.method == "POST":
                raise SessionEnded
            return see_other(LOG_IN)
        if not ready(officer, session) and not route.unready:
            return see_other(SET_UP)
        desk = Desk(request, portal, session, officer, fields)
        try:
            if not desk.may(route.permission):
                raise Forbidden
            return await route.screen(await _with_checked_token(desk, route))
        except PortalError as error:
            if _is_script(request) or isinstance(error, Unavailable):
                raise
            return desk.render(
                "error.html",
                screen="error",
                status=error.status,
                error=error,
                message=error.message(),
            )

    return handle


def _is_script(request: web.Request) -> bool:
    return request.path.startswith("/api/")


async def _fields(request: web.Request, route: Route) -> Mapping[str, str]:
    """Return the form of a post; a file is left where it is until it is known who sends it."""
    if request.method != "POST" or _is_script(request) or route.upload:
        return {}
    return await read_form(request)


async def _with_checked_token(desk: Desk, route: Route) -> Desk:
    """Refuse a post without the session's token. Raises CsrfRefused."""
    if _is_script(desk.request):
        check_header_token(desk.request, desk.session)
    elif route.upload:
        csrf.check_source(desk.request, desk.portal.settings.origin)
        upload, token = await _first_field(desk.request)
        csrf.check_token(desk.session, token)
        return replace(desk, upload=upload)
    elif desk.request.method == "POST":
        csrf.check_token(desk.session, desk.fields.get(csrf.FORM_FIELD))
    return desk


async def _first_field(request: web.Request) -> tuple[MultipartReader, str]:
    """Return a form with a file, and the token that it begins with. Raises CsrfRefused."""
    if request.content_type != "multipart/form-data":
        raise CsrfRefused
    try:
        upload = await request.multipart()
        part = await upload.next()
        if isinstance(part, BodyPartReader) and part.name == csrf.FORM_FIELD:
            return upload, (await part.read_chunk(_MAX_TOKEN)).decode("ascii", "replace")
    except ValueError as e:  # not of the form of RFC 7578
        raise CsrfRefused from e
    raise CsrfRefused


async def _who(request: web.Request) -> tuple[Session | None, Officer | None]:
    """Return the session and its officer; the session of one who was disabled ends here."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await find_session(request, db, Realm.OFFICE)
        if session is None or session.officer_id is None:
            return session, None
        officer = await db.get_one(Officer, session.officer_id)
        if officer.disabled:
            await sessions.end(db, session)
            return None, None
    return session, officer
