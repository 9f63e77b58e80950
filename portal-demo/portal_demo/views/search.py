"""Screen 6: 資格審査情報検索."""

from __future__ import annotations

from aiohttp import web

from portal_demo import csrf
from portal_demo.drafts import load_form, open_draft
from portal_demo.errors import CompanyUnknown, NameMismatch, NumberMerged
from portal_demo.fields import SEARCH_FIELDS
from portal_demo.language import Text
from portal_demo.models import Application, Session
from portal_demo.office.decisions import rejected_last
from portal_demo.pages import PORTAL, render
from portal_demo.procedures import BY_KIND, REGISTER, SEARCH_STEP, Kind
from portal_demo.register import first_values, search
from portal_demo.sessions import owner_of
from portal_demo.validation import check
from portal_demo.views.common import elsewhere, read_form, require_login
from portal_demo.views.receipt import receipt_path

_FIELD_OF = {CompanyUnknown: "number", NumberMerged: "number", NameMismatch: "name"}


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 6."""
    router.add_get("/registration/search", show)
    router.add_post("/registration/search", find)


async def show(request: web.Request) -> web.StreamResponse:
    """Show the search, with what was found before."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
        if away := await elsewhere(db, session, REGISTER):
            raise web.HTTPSeeOther(away)
        form = await load_form(db, session, REGISTER)
        rejected = await rejected_last(db, owner_of(session))
    found = {"number": form.company.number, "name": form.company.name} if form else {}
    return _page(request, session, found, {}, "", rejected=rejected)


async def find(request: web.Request) -> web.StreamResponse:
    """Look the company up and go on to the form."""
    posted = await read_form(request)
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
        csrf.check_token(session, posted.get(csrf.FORM_FIELD))
        checked = check(SEARCH_FIELDS, posted)
        if checked.faults:
            return _page(request, session, checked.values, checked.faults, "")
        try:
            company = await search(db, checked.values["number"], checked.values["name"])
        except (CompanyUnknown, NumberMerged, NameMismatch) as e:
            faults = {_FIELD_OF[type(e)]: e.message()}
            return _page(request, session, checked.values, faults, e.reason)
        first, clock = first_values(company), request.app[PORTAL].clock
        await open_draft(db, session, REGISTER, company, first=first, clock=clock)
    raise web.HTTPSeeOther("/registration/form")


def _page(
    request: web.Request,
    session: Session,
    values: dict[str, str],
    faults: dict[str, Text],
    reason: str,
    *,
    rejected: Application | None = None,
) -> web.Response:
    return render(
        request,
        "search.html",
        screen="6",
        procedure=REGISTER,
        step=REGISTER.step(SEARCH_STEP),
        session=session,
        status=422 if faults else 200,
        fields=SEARCH_FIELDS,
        values={"number": "", "name": "", **values},
        faults=faults,
        reason=reason,
        rejected=rejected,
        receipt=receipt_path(BY_KIND[Kind(rejected.procedure)], rejected.number)
        if rejected
        else "",
    )
