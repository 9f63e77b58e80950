"""Screen 7: 利用者登録. What is typed is kept, whatever button leaves the page."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from portal_demo import csrf, fields
from portal_demo.drafts import DIFFERENCE_FIELD, confirm, keep, load_form
from portal_demo.errors import FormIncomplete
from portal_demo.pages import PORTAL, json_answer, render
from portal_demo.registration import login_certificate, registered_with
from portal_demo.views.common import (
    ApiBody,
    check_header_token,
    read_form,
    read_json,
    require_login,
)

SEARCH = "/registration/search"


class DraftBody(ApiBody, frozen=True):
    """The form as it stands while somebody types."""

    values: Annotated[
        dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=1000)]],
        Meta(max_length=40),
    ]
    difference_accepted: bool


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 7 and its autosave."""
    router.add_get("/registration/form", show)
    router.add_post("/registration/form", to_confirmation)
    router.add_post("/registration/form/back", back)
    router.add_post("/api/draft", save)


async def show(request: web.Request) -> web.StreamResponse:
    """Show the form as typed, with its faults once it has been checked."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
        if await registered_with(db, login_certificate(session)):
            raise web.HTTPSeeOther("/registration/registered")
        form = await load_form(db, session)
    if form is None:
        raise web.HTTPSeeOther(SEARCH)
    faults = form.faults if form.draft.checked else {}
    return render(
        request,
        "form.html",
        screen="7",
        step=3,
        session=session,
        form=form,
        values=form.values,
        faults=faults,
        table=fields,
        difference_field=DIFFERENCE_FIELD,
    )


async def to_confirmation(request: web.Request) -> web.StreamResponse:
    """Keep and check the form; on to the confirmation, or back with what is wrong."""
    ok = await _keep(request, check=True)
    raise web.HTTPSeeOther("/registration/confirm" if ok else "/registration/form")


async def back(request: web.Request) -> web.StreamResponse:
    """Keep the form and go back to the search."""
    await _keep(request, check=False)
    raise web.HTTPSeeOther(SEARCH)


async def _keep(request: web.Request, *, check: bool) -> bool:
    posted = await read_form(request)
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
        csrf.check_token(session, posted.get(csrf.FORM_FIELD))
        form = await load_form(db, session)
        if form is None:
            raise FormIncomplete
        keep(form.draft, posted, difference_accepted=DIFFERENCE_FIELD in posted)
        return confirm(form) if check else True


async def save(request: web.Request) -> web.StreamResponse:
    """Keep the form while somebody types; this also puts the session's end off."""
    body = await read_json(request, DraftBody)
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
        check_header_token(request, session)
        form = await load_form(db, session)
        if form is None:
            raise FormIncomplete
        keep(form.draft, body.values, difference_accepted=body.difference_accepted)
    return json_answer({})
