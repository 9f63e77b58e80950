"""Render the templates, and turn what went wrong into a page or a JSON answer."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache

import jinja2
import msgspec
from aiohttp import web

from portal_demo import __version__, sessions
from portal_demo.authorities import Authority
from portal_demo.clock import (
    Clock,
    english_date,
    english_day,
    english_minute,
    japanese_date,
    japanese_day,
    japanese_minute,
)
from portal_demo.db import Database
from portal_demo.errors import (
    ConnectionLost,
    CsrfRefused,
    DraftChanged,
    InternalError,
    PageUnknown,
    PortalError,
    RequestTooLarge,
    SessionEnded,
    Unavailable,
)
from portal_demo.language import Language, Text, language_of
from portal_demo.models import Session
from portal_demo.office.vault import Vault
from portal_demo.procedures import Procedure, procedure_at
from portal_demo.registration import Registration
from portal_demo.security import canonical_location
from portal_demo.settings import Settings
from portal_demo.trust import Trust

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Portal:
    """What the views work with."""

    settings: Settings
    database: Database
    authorities: Sequence[Authority]
    trust: Trust
    registration: Registration
    clock: Clock
    vault: Vault


PORTAL = web.AppKey("portal", Portal)


@cache
def templates_in(language: Language) -> jinja2.Environment:
    """Return the templates in a language; everything is escaped, an unknown name is a fault."""

    def t(text: Text | str, en: str | None = None, **values: object) -> str:
        """Return a text in the language: `t("戻る", "Back")`, or `t(field.label)`."""
        if isinstance(text, str):
            if en is None:
                raise TypeError(f"no English for {text}")
            text = Text(text, en)
        return (text.fill(**values) if values else text)[language]

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("portal_demo"),
        autoescape=True,
        auto_reload=False,  # else every part of a page asks the disk whether it has changed
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    japanese = language is Language.JA
    templates.filters["date"] = japanese_date if japanese else english_date
    templates.filters["minute"] = japanese_minute if japanese else english_minute
    templates.filters["day"] = japanese_day if japanese else english_day
    templates.globals.update(t=t, language=language)
    return templates


def render(
    request: web.Request,
    template: str,
    *,
    screen: str,
    procedure: Procedure | None = None,
    step: int | None = None,
    session: Session | None = None,
    status: int = 200,
    **values: object,
) -> web.Response:
    """Render a screen; `step` counts from 0 along the steps of the procedure."""
    procedure = procedure or procedure_at(request.path)
    portal = request.app[PORTAL]
    now = portal.clock()
    templates = templates_in(language_of(request))
    text = templates.get_template(template).render(
        screen=screen,
        here=request.rel_url,
        step=step,
        steps=procedure.steps,
        procedure=procedure,
        now=now,
        seconds_left=(
            sessions.seconds_left(session, now) if session and sessions.logged_in(session) else None
        ),
        bridge_url=portal.settings.bridge_url,
        csrf=session.csrf if session else "",
        version=__version__,
        **values,
    )
    return web.Response(text=text, content_type="text/html", status=status)


def json_answer(value: object, status: int = 200) -> web.Response:
    """Return a JSON answer; bytes become base64."""
    body = msgspec.json.encode(value)
    return web.Response(body=body, content_type="application/json", status=status)


@web.middleware
async def canonical_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send a person who typed another name of this computer to the configured one."""
    location = canonical_location(request, request.app[PORTAL].settings.origin)
    if location:
        raise web.HTTPTemporaryRedirect(location)
    return await handler(request)


@web.middleware
async def done_again(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do again, once, what the database broke off by closing the connection, if it only shows.

    A form is sent again by the person, who is asked to: whether it was stored nobody knows, and
    none is stored twice.
    """
    try:
        return await handler(request)
    except ConnectionLost:
        if request.method not in {"GET", "HEAD"}:
            raise
        return await handler(request)


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Show every refusal in the portal's own words; a defect gets a number and a log entry."""
    try:
        return await handler(request)
    except PortalError as e:
        error = e
    except web.HTTPRequestEntityTooLarge:
        error = RequestTooLarge()
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        error = PageUnknown()
    except web.HTTPException:
        raise
    except Exception:
        error = InternalError(id=secrets.token_hex(4))
        log.exception("internal error %s at %s %s", error.id, request.method, request.path)
    response = _answer(request, error)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = "10"
    return response


def _answer(request: web.Request, error: PortalError) -> web.Response:
    message = error.message()
    if request.path.startswith("/api/"):
        answer = {"error": {"reason": error.reason, "messages": message}}
        return json_answer(answer, error.status)
    if request.path.startswith("/office"):
        return render(
            request,
            "office/error.html",
            screen="office-error",
            status=error.status,
            error=error,
            message=message,
        )
    procedure = procedure_at(request.path)
    start = ("/", Text("利用者登録の手順へ", "To the first page"))
    ways = {
        SessionEnded: (procedure.entry, Text("ログインへ", "To the log-in")),
        CsrfRefused: (procedure.menu, Text("利用者登録メニューへ", "To the menu")),
        DraftChanged: (f"{procedure.root}/form", Text("最新の内容を開く", "Open the latest state")),
    }
    href, label = ways.get(type(error), start)
    return render(
        request,
        "error.html",
        screen="error",
        status=error.status,
        error=error,
        message=message,
        href=href,
        label=label,
    )
