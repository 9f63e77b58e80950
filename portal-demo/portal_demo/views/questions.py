"""ご質問にチャットでお答えします: the chat, the page of questions, and the way to the office."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from portal_demo import csrf, help, inquiries, sessions  # noqa: A004
from portal_demo.announcements import inquiry_received
from portal_demo.errors import SessionEnded
from portal_demo.help import Entry, Situation
from portal_demo.language import language_of
from portal_demo.limits import Limit, asker, take
from portal_demo.models import Session
from portal_demo.pages import PORTAL, json_answer, render
from portal_demo.views.common import ApiBody, find_session, read_form, read_json

PATH = "/questions"
CHAT_LIMIT = Limit("chat", 30, timedelta(minutes=1))
INQUIRY_LIMIT = Limit("inquiry", 5, timedelta(hours=1))
_TOKEN_LENGTH = 43


class ChatBody(ApiBody, frozen=True):
    """A question, or none for what is likely to be asked, and where the person is."""

    question: Annotated[str, Meta(max_length=300)] = ""
    screen: Annotated[str, Meta(max_length=32)] = ""
    state: Annotated[str, Meta(max_length=40)] = ""


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the chat's request and the pages beside it."""
    router.add_post("/api/chat", chat)
    router.add_get(PATH, show_questions)
    router.add_get(f"{PATH}/contact", show_contact)
    router.add_post(f"{PATH}/contact", leave)
    router.add_get(f"{PATH}/contact/{{number:Q[0-9]{{8}}-[0-9]{{5,}}}}", show_left)


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer a question; it is not stored."""
    portal = request.app[PORTAL]
    body = await read_json(request, ChatBody)
    situation = Situation(body.screen, body.state)
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        await take(db, CHAT_LIMIT, asker(request, session), portal.clock())
        asked = body.question.strip()
        found = await help.answers(db, asked, situation) if asked else []
    language = language_of(request)

    def told(entry: Entry) -> dict[str, str]:
        return {
            "id": entry.id,
            "title": entry.title[language],
            "text": entry.text[language],
            "source": entry.section[language],
        }

    likely = [] if found else help.suggestions(situation)
    return json_answer({"answers": list(map(told, found)), "suggestions": list(map(told, likely))})


async def show_questions(request: web.Request) -> web.StreamResponse:
    """Show every question; with `q` first what answers it, for browsers without scripts."""
    portal = request.app[PORTAL]
    asked = request.query.get("q", "").strip()[:300]
    found: list[Entry] = []
    if asked:
        async with portal.database.transaction() as db:
            await take(db, CHAT_LIMIT, asker(request, None), portal.clock())
            found = await help.answers(db, asked, Situation())
    sections: dict[object, list[Entry]] = {}
    for entry in help.entries().values():
        sections.setdefault(entry.section, []).append(entry)
    return render(
        request, "questions.html", screen="questions", asked=asked, found=found, sections=sections
    )


async def show_contact(request: web.Request) -> web.StreamResponse:
    """Show the form; a browser without a session gets one, for its token."""
    portal = request.app[PORTAL]
    cookie = None
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        if session is None:
            session, cookie = await sessions.start(db, portal.clock)
    typed = inquiries.Typed({"question": request.query.get("q", "")[:300]}, {})
    response = _contact(request, session, typed, request.query.get("screen", "")[:32])
    if cookie:
        sessions.set_cookie(response, cookie, https=portal.settings.https)
    return response


async def leave(request: web.Request) -> web.StreamResponse:
    """Put an inquiry into the office's queue."""
    portal = request.app[PORTAL]
    posted = await read_form(request)
    typed = inquiries.check(posted)
    screen, token = posted.get("screen", "")[:32], posted.get("token", "")
    async with portal.database.transaction() as db:
        session = await find_session(request, db)
        if session is None:
            raise SessionEnded
        csrf.check_token(session, posted.get(csrf.FORM_FIELD))
        if typed.faults or len(token) != _TOKEN_LENGTH:
            return _contact(request, session, typed, screen)
        await take(db, INQUIRY_LIMIT, asker(request, session), portal.clock())
        inquiry = await inquiries.leave(
            db,
            typed.values,
            token=token,
            screen=screen,
            language=language_of(request),
            now=portal.clock(),
        )
        await inquiry_received(db, inquiry, portal.settings.origin, portal.clock())
    raise web.HTTPSeeOther(f"{PATH}/contact/{inquiry.number}")


async def show_left(request: web.Request) -> web.StreamResponse:
    """Say that an inquiry has arrived; the number tells nothing of it."""
    number = request.match_info["number"]
    return render(request, "contact_left.html", screen="contact-left", number=number)


def _contact(
    request: web.Request, session: Session, typed: inquiries.Typed, screen: str
) -> web.Response:
    return render(
        request,
        "contact.html",
        screen="contact",
        session=session,
        status=422 if typed.faults else 200,
        values={name: typed.values.get(name, "") for name in inquiries.LENGTHS},
        faults=typed.faults,
        lengths=inquiries.LENGTHS,
        labels=inquiries.LABELS,
        token=secrets.token_urlsafe(32),
        about=screen,
    )
